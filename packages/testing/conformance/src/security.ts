import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import {
  type Channel,
  type Clock,
  type NodeContext,
  type PeerId,
  type PrivateKey,
  type Secured,
  type SecureTransport,
  systemClock,
  systemRandom
} from '@peerloom/interface'
import { byteReader, channelPair } from '@peerloom/streams'
import { describe, expect, test } from 'vitest'
import { ManualClock, settle } from './manual-clock.ts'
import { until } from './until.ts'

export interface SecuritySetup {
  create(node: NodeContext): SecureTransport
  /** Whether bytes are hidden and protected. Default true; plaintext has neither. */
  readonly encrypts?: boolean
  /** Whether a muxer is agreed inside the handshake. Default true. */
  readonly agreesOnMuxer?: boolean
  /** The two ends of a link to run over where no test needs to see inside it. Default: a pair in memory. */
  link?(): Promise<[Channel, Channel]>
}

interface Party {
  readonly id: PeerId
  readonly key: PrivateKey
  readonly transport: SecureTransport
}

const bytesOf = (words: string): Uint8Array => new TextEncoder().encode(words)

type Direction = 'out' | 'in'

interface Tap {
  /** What becomes of bytes on their way: out is what the first end sends. */
  change?(bytes: Uint8Array, direction: Direction): Uint8Array
  /** True once nothing more is to pass: the link ends in that direction. */
  isOver?(direction: Direction): boolean
}

/** Passes what one end sends on to the other, as changed on its way. */
function tap({ change, isOver }: Tap): [Channel, Channel] {
  const [near, left] = channelPair()
  const [right, far] = channelPair()
  const join = (from: Channel, to: Channel, direction: Direction): void => {
    let over = false
    from.attach({
      data: (bytes) => {
        if (over) return
        to.send(change?.(bytes.slice(), direction) ?? bytes)
        over = isOver?.(direction) === true
        if (over) void to.closeWrite().catch(() => {})
      },
      end: () => void to.closeWrite().catch(() => {}),
      closed: (error) => error !== undefined && to.abort(error)
    })
  }
  join(left, right, 'out')
  join(right, left, 'in')
  return [near, far]
}

const same = (one: Uint8Array, two: Uint8Array): boolean =>
  one.length === two.length && one.every((byte, at) => byte === two[at])

/** What every secure transport promises. */
export function testSecurity(name: string, setup: SecuritySetup): void {
  const encrypts = setup.encrypts !== false
  const link = async (): Promise<[Channel, Channel]> => (await setup.link?.()) ?? channelPair()

  async function party(clock: Clock = systemClock): Promise<Party> {
    const key = await generateKey()
    const id = peerIdFromPrivateKey(key)
    const node = {
      peerId: id,
      publicKey: key.publicKey,
      sign: (data: Uint8Array) => key.sign(data),
      clock,
      random: systemRandom
    } as NodeContext
    return { id, key, transport: setup.create(node) }
  }

  async function secured(
    given?: [Channel, Channel],
    muxers: [string[], string[]] = [[], []]
  ): Promise<{ near: Secured; far: Secured; one: Party; two: Party }> {
    const channels = given ?? (await link())
    const [one, two] = [await party(), await party()]
    const [near, far] = await Promise.all([
      one.transport.secure(channels[0], { role: 'initiator', expected: two.id, muxers: muxers[0] }),
      two.transport.secure(channels[1], { role: 'responder', muxers: muxers[1] })
    ])
    return { near, far, one, two }
  }

  describe(`${name} as a secure transport`, () => {
    test('both sides learn who the other is', async () => {
      const { near, far, one, two } = await secured()
      expect(near.remotePeer.equals(two.id)).toBe(true)
      expect(far.remotePeer.equals(one.id)).toBe(true)
      expect(near.remoteKey.equals(two.key.publicKey)).toBe(true)
      expect(far.remoteKey.equals(one.key.publicKey)).toBe(true)
    })

    test.each([1, 100, 65_535, 65_536, 300_000])('messages of %s bytes cross both ways', async (length) => {
      const { near, far } = await secured()
      const message = systemRandom(length)
      near.channel.send(message.slice())
      far.channel.send(message.slice())
      expect(same(message, await byteReader(far.channel).read(length))).toBe(true)
      expect(same(message, await byteReader(near.channel).read(length))).toBe(true)
    })

    test('ends cross as well, each behind its bytes, and close both channels', async () => {
      const channels = await link()
      const { near, far } = await secured(channels)
      near.channel.send(bytesOf('last words'))
      await near.channel.closeWrite()
      const reader = byteReader(far.channel)
      expect(await reader.read(10)).toHaveLength(10)
      expect(await reader.readSome()).toBeUndefined()
      far.channel.send(bytesOf('answer'))
      await far.channel.close()
      expect(await byteReader(near.channel).read(6)).toHaveLength(6)
      await until('all is closed', () => [...channels, near.channel, far.channel].every((c) => c.status === 'closed'))
    })

    test('an abort resets both ends and the channels below', async () => {
      const channels = await link()
      const { near, far } = await secured(channels)
      near.channel.abort(new Error('enough'))
      await expect(byteReader(far.channel).read(1)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
      expect(channels.map(({ status }) => status)).toEqual(['reset', 'reset'])
    })

    test('a reader that takes nothing stops the sender', async () => {
      const { near, far } = await secured()
      let sent = 0
      const chunk = new Uint8Array(64 * 1024)
      for (let turn = 0; turn < 50; turn++) {
        for (; near.channel.writable && sent < 1000; sent++) near.channel.send(chunk.slice())
        await settle()
      }
      // A fifth of what was offered: on a socket the system takes several MiB before it holds the sender back.
      expect(sent).toBeLessThan(200)
      const closing = near.channel.closeWrite()
      const reader = byteReader(far.channel)
      let got = 0
      for (let bytes = await reader.readSome(); bytes !== undefined; bytes = await reader.readSome())
        got += bytes.length
      await closing
      expect(got).toBe(sent * chunk.length)
    })

    test('a writer that ignores false is stopped at a bound, and loses nothing that was taken', async () => {
      const { near, far } = await secured()
      let sent = 0
      const chunk = new Uint8Array(64 * 1024)
      expect(() => {
        for (; sent < 1000; sent++) near.channel.send(chunk.slice())
      }).toThrow(expect.objectContaining({ code: 'ERR_SEND_QUEUE_FULL' }))
      const closing = near.channel.closeWrite()
      const reader = byteReader(far.channel)
      let got = 0
      for (let bytes = await reader.readSome(); bytes !== undefined; bytes = await reader.readSome())
        got += bytes.length
      await closing
      expect(got).toBe(sent * chunk.length)
    })

    test('a handshake leaves neither a timer nor an ear for its signal behind', async () => {
      const clock = new ManualClock()
      const [one, two] = [await party(clock), await party(clock)]
      const channels = channelPair(clock)
      const abort = new AbortController()
      const options = { muxers: [], signal: abort.signal }
      const [near, far] = await Promise.all([
        one.transport.secure(channels[0], { role: 'initiator', ...options }),
        two.transport.secure(channels[1], { role: 'responder', ...options })
      ])
      expect(clock.pending).toBe(0)
      abort.abort(new Error('too late'))
      near.channel.send(bytesOf('still here'))
      expect(await byteReader(far.channel).read(10)).toHaveLength(10)
    })

    test('another peer than the one that was dialled is refused', async () => {
      const [one, two, other] = [await party(), await party(), await party()]
      const channels = channelPair()
      const both = Promise.allSettled([
        one.transport.secure(channels[0], { role: 'initiator', expected: other.id, muxers: [] }),
        two.transport.secure(channels[1], { role: 'responder', muxers: [] })
      ])
      const [near, far] = await both
      expect(near).toMatchObject({ reason: { code: 'ERR_WRONG_PEER' } })
      if (far?.status === 'fulfilled') await expect(byteReader(far.value.channel).read(1)).rejects.toThrow()
      expect(channels[0].status).toBe('reset')
    })

    if (setup.agreesOnMuxer !== false) {
      test.each([
        [['/a', '/b'], ['/b', '/a'], '/a'],
        [['/a', '/b'], ['/b'], '/b'],
        [['/a'], ['/b'], undefined],
        [[], ['/a'], undefined]
      ])('of %j and %j both sides choose the dialler’s favourite: %s', async (near, far, agreed) => {
        const result = await secured(channelPair(), [near, far])
        expect([result.near.muxer, result.far.muxer]).toEqual([agreed, agreed])
      })
    }

    if (encrypts) {
      test('what crosses the link shows nothing of what is sent', async () => {
        let wire = ''
        const { near, far } = await secured(
          tap({
            change: (bytes) => {
              wire += String.fromCharCode(...bytes)
              return bytes
            }
          })
        )
        near.channel.send(bytesOf('a very secret message'))
        await byteReader(far.channel).read(21)
        expect(wire.length).toBeGreaterThan(0)
        expect(wire).not.toContain('secret')
      })

      test('a bit that is flipped on the way ends the channel, and nothing false is delivered', async () => {
        let flip = false
        const { near, far } = await secured(
          tap({
            change: (bytes) => {
              if (flip) bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
              return bytes
            }
          })
        )
        flip = true
        near.channel.send(bytesOf('message'))
        await expect(byteReader(far.channel).read(1)).rejects.toMatchObject({ code: 'ERR_SECURITY', remote: true })
      })

      test('a handshake that is changed anywhere fails on the side that gets it, in a typed way', async () => {
        const [one, two] = [await party(), await party()]
        /** The ends of a handshake with one byte changed, after which nothing more comes from that direction. */
        const attempt = async (changed?: Direction, target = 0): Promise<[boolean, boolean, number, number]> => {
          const seen = { out: 0, in: 0 }
          const channels = tap({
            change: (bytes, direction) => {
              const at = target - seen[direction]
              seen[direction] += bytes.length
              if (direction === changed && at >= 0 && at < bytes.length) bytes[at] = (bytes[at] as number) ^ 0x40
              return bytes
            },
            isOver: (direction) => direction === changed && seen[direction] > target
          })
          const needed = { ...seen }
          const both = [
            one.transport
              .secure(channels[0], { role: 'initiator', expected: two.id, muxers: [] })
              .finally(() => (needed.in = seen.in)),
            two.transport.secure(channels[1], { role: 'responder', muxers: [] }).finally(() => (needed.out = seen.out))
          ]
          const [near, far] = await Promise.allSettled(both)
          for (const result of [near, far]) {
            if (result?.status === 'rejected') expect(result.reason, `byte ${target} ${changed}`).toHaveProperty('code')
          }
          // What comes after an end has settled (a session ticket, say) is no part of its handshake.
          return [near?.status === 'fulfilled', far?.status === 'fulfilled', needed.out, needed.in]
        }
        const [nearDone, farDone, out, inbound] = await attempt()
        expect([nearDone, farDone]).toEqual([true, true])
        // Signatures, and with them handshakes, may be a few bytes shorter another time.
        for (let target = 0; target < inbound - 8; target += 13) expect((await attempt('in', target))[0]).toBe(false)
        for (let target = 0; target < out - 8; target += 13) expect((await attempt('out', target))[1]).toBe(false)
      })
    }

    test.each(['initiator', 'responder'] as const)('garbage fails the %s at once, or when it ends', async (role) => {
      for (const length of [1, 2, 64, 5000]) {
        const [near, far] = await link()
        const { transport } = await party()
        const securing = transport.secure(near, { role, muxers: [] })
        far.send(new Uint8Array(length).fill(0x20))
        await far.closeWrite()
        await expect(securing).rejects.toHaveProperty('code')
        expect(near.status).toBe('reset')
      }
    })

    test.each(['initiator', 'responder'] as const)('a silent remote is given up in time by the %s', async (role) => {
      const clock = new ManualClock()
      const { transport } = await party(clock)
      const [near] = channelPair(clock)
      const failed = expect(transport.secure(near, { role, muxers: [] })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
      await clock.advance(60_000)
      await failed
      expect([near.status, clock.pending]).toEqual(['reset', 0])
    })

    test('an abort ends a handshake, before and during it', async () => {
      for (const early of [true, false]) {
        const { transport } = await party()
        const [near] = await link()
        const abort = new AbortController()
        const reason = new Error('enough')
        if (early) abort.abort(reason)
        const securing = transport.secure(near, { role: 'responder', muxers: [], signal: abort.signal })
        abort.abort(reason)
        await expect(securing).rejects.toBe(reason)
        expect(near.status).toBe('reset')
      }
    })

    test('a link that is lost in the middle fails the handshake', async () => {
      const { transport } = await party()
      const [near, far] = await link()
      const securing = transport.secure(near, { role: 'initiator', muxers: [] })
      far.abort(new Error('gone'))
      await expect(securing).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
    })

    test('bytes right behind the handshake are not lost', async () => {
      const [one, two] = [await party(), await party()]
      const channels = await link()
      const far = two.transport.secure(channels[1], { role: 'responder', muxers: [] })
      const near = await one.transport.secure(channels[0], { role: 'initiator', muxers: [] })
      near.channel.send(bytesOf('at once'))
      await settle(20)
      expect(await byteReader((await far).channel).read(7)).toHaveLength(7)
    })
  })
}
