import {
  type Channel,
  type Clock,
  isPeerloomError,
  type MuxedStream,
  type Muxer,
  PeerloomError,
  type Resource,
  type Scope,
  type ScopeUsage,
  type StreamMuxerFactory,
  systemClock
} from '@peerloom/interface'
import { byteReader, channelPair } from '@peerloom/streams'
import { describe, expect, test } from 'vitest'
import { ManualClock, settle } from './manual-clock.ts'
import { until } from './until.ts'

export interface MuxerSetup {
  create(): StreamMuxerFactory
  /** Whether a reader that takes nothing stops its own stream only. Default true; mplex has no windows. */
  readonly flowControl?: boolean
}

/** A scope that counts, and refuses what is over its limit. */
class CountingScope implements Scope {
  readonly name = 'test'
  readonly limits: Partial<Record<Resource, number>> = {}
  readonly usage: ScopeUsage = {
    connectionsInbound: 0,
    connectionsOutbound: 0,
    streamsInbound: 0,
    streamsOutbound: 0,
    memory: 0
  }

  reserve(resource: Resource, amount: number): boolean {
    if (this.usage[resource] + amount > (this.limits[resource] ?? Infinity)) return false
    this.usage[resource] += amount
    return true
  }

  release(resource: Resource, amount: number): void {
    this.usage[resource] -= amount
  }

  child(): Scope {
    return this
  }

  close(): void {}

  get isEmpty(): boolean {
    return Object.values(this.usage).every((amount) => amount === 0)
  }
}

interface Side {
  readonly muxer: Muxer
  readonly inbound: MuxedStream[]
  readonly scope: CountingScope
  /** Undefined while open; null when over in good order. */
  over: Error | null | undefined
  onStream: ((stream: MuxedStream) => void) | undefined
}

const bytesOf = (words: string): Uint8Array => new TextEncoder().encode(words)
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

/** What every muxer promises. */
export function testMuxer(name: string, setup: MuxerSetup): void {
  function side(channel: Channel, role: 'initiator' | 'responder', clock: Clock = systemClock): Side {
    const scope = new CountingScope()
    const state: { inbound: MuxedStream[]; over: Side['over']; onStream: Side['onStream'] } = {
      inbound: [],
      over: undefined,
      onStream: undefined
    }
    const muxer = setup.create().create(channel, {
      role,
      limits: scope,
      clock,
      onStream: (stream) => {
        state.inbound.push(stream)
        state.onStream?.(stream)
      },
      onClose: (error) => {
        if (state.over !== undefined) throw new Error('told twice that it is over')
        state.over = error ?? null
      }
    })
    return Object.assign(state, { muxer, scope })
  }

  function pair(clock?: Clock): { near: Side; far: Side; channels: [Channel, Channel] } {
    const channels = channelPair(clock)
    return { near: side(channels[0], 'initiator', clock), far: side(channels[1], 'responder', clock), channels }
  }

  /** A stream of one side and its other end. */
  async function open(from: Side, to: Side): Promise<[MuxedStream, MuxedStream]> {
    const before = to.inbound.length
    const stream = await from.muxer.open()
    await until('the stream has arrived', () => to.inbound.length > before)
    return [stream, to.inbound[before] as MuxedStream]
  }

  const read = async (stream: MuxedStream): Promise<string> => {
    let text = ''
    for await (const bytes of stream) text += textOf(bytes)
    return text
  }

  describe(`${name} as a muxer`, () => {
    test.each(['initiator', 'responder'] as const)('streams that the %s opens carry bytes both ways', async (role) => {
      const { near, far } = pair()
      const [from, to] = role === 'initiator' ? [near, far] : [far, near]
      const [one, two] = await open(from, to)
      expect([one.direction, two.direction]).toEqual(['outbound', 'inbound'])
      one.send(bytesOf('there'))
      two.send(bytesOf('back'))
      await Promise.all([one.closeWrite(), two.closeWrite()])
      expect([await read(two), await read(one)]).toEqual(['there', 'back'])
      await until('both ends are over', () => one.status === 'closed' && two.status === 'closed')
      expect([near.muxer.streamCount, far.muxer.streamCount]).toEqual([0, 0])
      expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
    })

    test('many streams at once keep their bytes apart and in order', async () => {
      const { near, far } = pair()
      far.onStream = (stream) => void stream.sink(stream).catch(() => {})
      const results = await Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const stream = await (at % 2 === 0 ? near.muxer : near.muxer).open()
          const parts = Array.from({ length: 20 }, (_part, part) => `${at}:${part};`.repeat(1 + (part % 7) * 100))
          const writing = stream.sink(parts.map(bytesOf))
          const text = await read(stream)
          await writing
          return text === parts.join('')
        })
      )
      expect(results).not.toContain(false)
      await until('all are over', () => near.muxer.streamCount === 0 && far.muxer.streamCount === 0)
      expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
    })

    test('streams that are opened at once, some with much to send, all arrive', async () => {
      const { near, far } = pair()
      const streams = await Promise.all([1, 2, 3, 4].map(() => near.muxer.open()))
      streams[3]?.send(new Uint8Array(100_000))
      streams[1]?.send(new Uint8Array(100_000))
      streams[0]?.send(bytesOf('x'))
      await until('all have arrived', () => far.inbound.length === 4)
      expect([near.over, far.over]).toEqual([undefined, undefined])
    })

    test('one direction may end while the other goes on', async () => {
      const { near, far } = pair()
      const [one, two] = await open(near, far)
      await one.closeWrite()
      expect(await read(two)).toBe('')
      const writing = (async () => {
        for (let at = 0; at < 100; at++) await two.write(new Uint8Array(10_000))
        await two.closeWrite()
      })()
      expect((await read(one)).length).toBe(1_000_000)
      await writing
    })

    test('a reset ends one stream at both ends, and nothing else', async () => {
      const { near, far } = pair()
      const [one, two] = await open(near, far)
      const [three, four] = await open(near, far)
      one.send(new Uint8Array(100_000))
      one.abort(new Error('enough'))
      await expect(read(two)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true })
      expect(() => one.send(bytesOf('x'))).toThrow('enough')
      three.send(bytesOf('still here'))
      await three.closeWrite()
      expect(await read(four)).toBe('still here')
      four.abort(new Error('from the other side'))
      await until('the other two are over', () => near.muxer.streamCount === 0 && far.muxer.streamCount === 0)
      expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
    })

    test('a handler that throws resets its stream only', async () => {
      const { near, far } = pair()
      far.onStream = () => {
        throw new Error('cannot')
      }
      const stream = await near.muxer.open()
      await expect(read(stream)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
      far.onStream = undefined
      const [one, two] = await open(near, far)
      await one.sink([bytesOf('fine')])
      expect(await read(two)).toBe('fine')
    })

    test('a reader that takes nothing stops its sender, and gets everything in the end', async () => {
      const { near, far } = pair()
      const [one, two] = await open(near, far)
      let sent = 0
      for (let turn = 0; turn < 60; turn++) {
        while (one.writable && sent < 1000) {
          one.send(new Uint8Array(16 * 1024))
          sent++
        }
        await settle()
      }
      expect(sent * 16 * 1024).toBeLessThan(4 * 1024 * 1024)
      const closing = one.closeWrite()
      let got = 0
      for await (const bytes of two) got += bytes.length
      await closing
      expect(got).toBe(sent * 16 * 1024)
    })

    if (setup.flowControl !== false) {
      test('a stream that nobody reads does not hold up the others', async () => {
        const { near, far } = pair()
        const [stuck] = await open(near, far)
        while (stuck.writable) stuck.send(new Uint8Array(64 * 1024))
        await settle(20)
        const [one, two] = await open(near, far)
        const writing = one.sink(Array.from({ length: 100 }, () => new Uint8Array(64 * 1024)))
        expect((await read(two)).length).toBe(6_553_600)
        await writing
        expect(stuck.status).toBe('open')
      })
    }

    test('closing lets queued bytes out, tells the remote, and ends in good order on both sides', async () => {
      const { near, far, channels } = pair()
      const [one, two] = await open(near, far)
      const reading = byteReader(two).read(200_000)
      one.send(new Uint8Array(200_000))
      await near.muxer.close()
      expect(await reading).toHaveLength(200_000)
      await until('both are over', () => near.over !== undefined && far.over !== undefined)
      expect([near.over, far.over]).toEqual([null, null])
      expect(channels.map(({ status }) => status)).toEqual(['closed', 'closed'])
      await expect(near.muxer.open()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
      await expect(far.muxer.open()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
      await near.muxer.close()
      expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
    })

    test('an abort resets every stream on both sides, once', async () => {
      const { near, far } = pair()
      const streams = [...(await open(near, far)), ...(await open(far, near))]
      near.muxer.abort(new Error('enough'))
      await until('both are over', () => near.over !== undefined && far.over !== undefined)
      expect(near.over).toMatchObject({ message: 'enough' })
      expect(far.over).toBeInstanceOf(Error)
      for (const stream of streams) {
        await expect(read(stream)).rejects.toSatisfy((error) => isPeerloomError(error))
        expect(stream.status).toBe('reset')
      }
      expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
    })

    test('a link that is lost is a failure of all that was open', async () => {
      const { near, far, channels } = pair()
      const [one] = await open(near, far)
      channels[1].abort(new PeerloomError('ERR_CHANNEL_RESET', 'cut', { remote: true }))
      await expect(read(one)).rejects.toSatisfy((error) => isPeerloomError(error))
      await until('both are over', () => near.over !== undefined && far.over !== undefined)
      expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
    })

    test('a link that ends without a good-bye is not an end in good order', async () => {
      const [near, far] = channelPair()
      const one = side(near, 'initiator')
      await far.closeWrite()
      await until('it is over', () => one.over !== undefined)
      expect(one.over).toBeInstanceOf(Error)
    })

    test('closing does not wait for ever for a remote that says nothing', async () => {
      const clock = new ManualClock()
      const [near] = channelPair(clock)
      const one = side(near, 'initiator', clock)
      const closing = one.muxer.close()
      let closed = false
      closing.then(
        () => (closed = true),
        () => (closed = true)
      )
      await settle()
      one.muxer.abort(new Error('enough'))
      await until('it is closed', () => closed)
      expect(near.status).toBe('reset')
      expect(clock.pending).toBe(0)
    })

    test('closing does not wait for ever for a remote that takes nothing', async () => {
      const clock = new ManualClock()
      const [near] = channelPair(clock)
      const one = side(near, 'initiator', clock)
      const stream = await one.muxer.open()
      for (let at = 0; at < 32; at++) stream.send(new Uint8Array(64 * 1024))
      const closing = one.muxer.close().catch(() => {})
      await clock.advance(120_000)
      await closing
      expect(near.status).toBe('reset')
      expect([one.scope.isEmpty, clock.pending]).toEqual([true, 0])
    })

    test('a scope that is full refuses streams on its side only', async () => {
      const { near, far } = pair()
      near.scope.limits.streamsOutbound = 1
      far.scope.limits.streamsInbound = 2
      await open(near, far)
      await expect(near.muxer.open()).rejects.toMatchObject({ code: 'ERR_LIMIT' })
      near.scope.limits.streamsOutbound = 10
      await open(near, far)
      const third = await near.muxer.open()
      await expect(read(third)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
      expect([near.over, far.over]).toEqual([undefined, undefined])
      expect(far.scope.usage.streamsInbound).toBe(2)
    })

    test('waiting to open a stream is bounded, and ends with its signal', async () => {
      const clock = new ManualClock()
      const [near] = channelPair(clock) // nobody answers
      const one = side(near, 'initiator', clock)
      const waits: Promise<unknown>[] = []
      const abort = new AbortController()
      for (let at = 0; at < 5000; at++) waits.push(one.muxer.open(at % 2 === 0 ? abort : {}).catch((error) => error))
      await settle()
      abort.abort(new Error('enough'))
      await clock.advance(10_001)
      const results = await Promise.all(waits)
      const failures = results.filter((result) => result instanceof Error) as { code?: string; message: string }[]
      for (const { code, message } of failures) {
        expect([code === 'ERR_TIMEOUT', code === 'ERR_LIMIT', message === 'enough']).toContain(true)
      }
      one.muxer.abort(new Error('over'))
    })

    test('garbage ends the connection with a typed error, without a stream', async () => {
      for (const fill of [0x05, 0x80, 0xff]) {
        const [near, far] = channelPair()
        const one = side(near, 'responder')
        far.send(new Uint8Array(4096).fill(fill))
        await until('it is over', () => one.over !== undefined)
        expect(isPeerloomError(one.over) && one.over.remote, `${fill}`).toBe(true)
        expect(one.inbound).toEqual([])
        expect(one.scope.isEmpty).toBe(true)
      }
    })
  })
}
