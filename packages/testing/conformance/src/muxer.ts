import { describe, expect, test } from 'vitest'
import {
  type Clock,
  type MuxedStream,
  type Muxer,
  type MuxerOptions,
  type StreamMuxerFactory,
  systemClock
} from '@peerloom/interface'
import { byteReader, channelPair, lengthPrefixed, toWeb } from '@peerloom/streams'
import { CountingScope } from './counting-scope.ts'
import { fuzzInputs, fuzzSeed } from './fuzz-settings.ts'
import { settle } from './manual-clock.ts'
import { echo, readAll } from './muxer-side.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'
import { until } from './until.ts'

/** Two muxers that talk to each other. `cut` breaks what carries them. */
export interface MuxerLink {
  readonly near: Muxer
  readonly far: Muxer
  cut(error: Error): void
}

export interface MuxerUnderTest {
  connect(near: MuxerOptions, far: MuxerOptions): MuxerLink
  /**
   * Whether a stream holds its sender back without the others. Default true; mplex has no such thing: a reader that takes
   * nothing holds all streams back for a moment, and is reset. That moment has to be short in tests.
   */
  readonly flowControl?: boolean
}

/** For muxers that run over any channel: each link is a pair of channels in this process. */
export function overChannels(factory: StreamMuxerFactory, clock: Clock = systemClock): MuxerUnderTest {
  return {
    connect(near, far) {
      const [one, two] = channelPair(clock)
      return {
        near: factory.create(one, near),
        far: factory.create(two, far),
        cut: (error) => one.abort(error)
      }
    }
  }
}

/** One side of a link, and everything that it was told. */
interface Side {
  readonly muxer: Muxer
  readonly scope: CountingScope
  readonly streams: MuxedStream[]
  readonly closes: (Error | undefined)[]
}

const ignore = (): void => {}
const utf8 = new TextEncoder()
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const chunk = 64 * 1024

function connect(
  subject: MuxerUnderTest,
  onStream: (stream: MuxedStream) => void = ignore,
  onNearStream: (stream: MuxedStream) => void = ignore
) {
  const settings = (role: MuxerOptions['role'], handler: (stream: MuxedStream) => void) => {
    const scope = new CountingScope()
    const streams: MuxedStream[] = []
    const closes: (Error | undefined)[] = []
    const options: MuxerOptions = {
      role,
      clock: systemClock,
      limits: scope,
      onClose: (error) => void closes.push(error),
      onStream: (stream) => {
        streams.push(stream)
        handler(stream)
      }
    }
    return { options, scope, streams, closes }
  }
  const one = settings('initiator', onNearStream)
  const two = settings('responder', onStream)
  const link = subject.connect(one.options, two.options)
  const near: Side = { muxer: link.near, scope: one.scope, streams: one.streams, closes: one.closes }
  const far: Side = { muxer: link.far, scope: two.scope, streams: two.streams, closes: two.closes }
  return { near, far, cut: (error: Error) => link.cut(error) }
}

/** The only stream the far side was given. */
async function arrived(side: Side, at = 0): Promise<MuxedStream> {
  await until('the stream arrives', () => side.streams.length > at)
  return side.streams[at] as MuxedStream
}

async function expectNothingLeft(...sides: Side[]): Promise<void> {
  await until('both sides are over', () =>
    sides.every((side) => side.closes.length > 0 && side.muxer.streamCount === 0)
  )
  for (const side of sides) {
    expect([...side.muxer.streams]).toEqual([])
    expect(side.scope.usage).toEqual(new CountingScope().usage)
    expect(side.closes).toHaveLength(1)
  }
}

/** Ways to read that take the first piece of what they are offered, and no more. */
const lazyReaders: [string, (stream: MuxedStream) => unknown][] = [
  ['nobody', ignore],
  ['a paused reader', (stream) => (stream.attach({ data: ignore, end: ignore, closed: ignore }), stream.pause())],
  ['an iterator', (stream) => stream[Symbol.asyncIterator]().next()],
  ['a byte reader', (stream) => byteReader(stream).read(10)],
  ['a reader of messages', (stream) => lengthPrefixed(stream).read()],
  ['a web stream', (stream) => toWeb(stream).readable.getReader().read()]
]

/** One end of a stream whose user does anything at any time. */
class Life {
  readonly stream: MuxedStream
  readonly #random: SeededRandom
  #sent = 0
  #received = 0
  /** Set when the remote's end was read. */
  ended = false
  wrong: string | undefined

  constructor(stream: MuxedStream, random: SeededRandom) {
    this.stream = stream
    this.#random = random
    this.#read()
  }

  get sent(): number {
    return this.#sent
  }

  get received(): number {
    return this.#received
  }

  /** Does one thing. The byte at any place follows from the place. */
  act(): void {
    const { stream } = this
    const random = this.#random
    const choice = random(100)
    if (choice < 55) {
      if (!stream.writable || stream.status === 'closed' || stream.status === 'reset') return
      const bytes = new Uint8Array(1 + random(random(5) === 0 ? 200_000 : 300))
      for (let at = 0; at < bytes.length; at++) bytes[at] = ((this.#sent + at) * 7) & 0xff
      try {
        stream.send(bytes)
        this.#sent += bytes.length
      } catch {
        // Closed for writing before.
      }
    } else if (choice < 65) stream.pause()
    else if (choice < 80) stream.resume()
    else if (choice < 84) stream.attach(undefined)
    else if (choice < 90) this.#read()
    else if (choice < 96) void stream.closeWrite().catch(ignore)
    else if (choice < 98) void stream.close().catch(ignore)
    else stream.abort(new Error('at random'))
  }

  finish(): void {
    this.#read()
    void this.stream.closeWrite().catch(ignore)
  }

  #read(): void {
    this.stream.attach({
      data: (bytes) => {
        for (let at = 0; at < bytes.length; at++) {
          if (bytes[at] !== (((this.#received + at) * 7) & 0xff)) this.wrong ??= `byte ${this.#received + at}`
        }
        this.#received += bytes.length
      },
      end: () => (this.ended = true),
      closed: ignore
    })
  }
}

/** Streams of both sides live at random for a while; then the link is closed, aborted or cut, or all end well. */
async function randomLives(subject: MuxerUnderTest, random: SeededRandom, seed: number): Promise<void> {
  const lives = new Map<string, { own?: Life; remote?: Life }>()
  const key = (side: string, stream: MuxedStream): string => `${side} ${stream.id}`
  const { near, far, cut } = connect(
    subject,
    (stream) => (meet('near', stream).remote = new Life(stream, random)),
    (stream) => (meet('far', stream).remote = new Life(stream, random))
  )
  function meet(side: string, stream: MuxedStream): { own?: Life; remote?: Life } {
    const known = lives.get(key(side, stream)) ?? {}
    lives.set(key(side, stream), known)
    return known
  }
  const opening: Promise<unknown>[] = []
  for (let step = 0; step < 300; step++) {
    if (random(12) === 0) {
      const [name, side] = random(2) === 0 ? (['near', near] as const) : (['far', far] as const)
      opening.push(side.muxer.open().then((stream) => (meet(name, stream).own = new Life(stream, random))))
    }
    const all = [...lives.values()].flatMap(({ own, remote }) => [own, remote].filter((life) => life !== undefined))
    if (all.length > 0) all[random(all.length)]?.act()
    if (random(3) === 0) await settle(1)
  }
  await Promise.all(opening)
  const ending = random(4)
  if (ending === 0) cut(new Error('cut'))
  else if (ending === 1) near.muxer.abort(new Error('aborted'))
  else {
    await until(`all streams end, seed ${seed}`, () => {
      // Also those that arrive only now.
      for (const { own, remote } of lives.values()) for (const life of [own, remote]) life?.finish()
      return near.muxer.streamCount + far.muxer.streamCount === 0
    })
    for (const [name, { own, remote }] of lives) {
      for (const [from, to] of [
        [own, remote],
        [remote, own]
      ] as const) {
        if (from === undefined || to === undefined || from.stream.status === 'reset' || !to.ended) continue
        if (to.stream.status !== 'reset') expect(to.received, `${name}, seed ${seed}`).toBe(from.sent)
      }
    }
    await near.muxer.close()
  }
  await expectNothingLeft(near, far)
  for (const { own, remote } of lives.values()) {
    for (const life of [own, remote]) {
      expect(life?.wrong, `seed ${seed}`).toBeUndefined()
      if (life !== undefined) expect(['closed', 'reset'], `seed ${seed}`).toContain(life.stream.status)
    }
  }
}

/**
 * The contract of a stream muxer (architecture.md, section 4).
 *
 * ```ts
 * testMuxer('yamux', overChannels(yamux()(node)))
 * ```
 */
export function testMuxer(name: string, subject: MuxerUnderTest): void {
  describe(`${name} keeps the contract of a stream muxer`, () => {
    test('a stream carries bytes both ways, and the end of each direction behind them', async () => {
      const { near, far } = connect(subject)
      const stream = await near.muxer.open()
      expect(stream.direction).toBe('outbound')
      stream.send(utf8.encode('question'))
      await stream.closeWrite()
      const remote = await arrived(far)
      expect(remote.direction).toBe('inbound')
      expect(textOf(await readAll(remote))).toBe('question')
      expect(stream.status).toBe('closing')
      remote.send(utf8.encode('answer'))
      await remote.closeWrite()
      expect(textOf(await readAll(stream))).toBe('answer')
      expect([stream.status, remote.status]).toEqual(['closed', 'closed'])
      expect([near.muxer.streamCount, far.muxer.streamCount]).toEqual([0, 0])
      expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
    })

    test('both sides open streams at once, each with an id of its own', async () => {
      const { near, far } = connect(subject, echo)
      const opened = await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? near : far).muxer.open()))
      for (const [at, stream] of opened.entries()) stream.send(utf8.encode(`stream ${at}`))
      await until('all arrive', () => near.streams.length === 10 && far.streams.length === 10)
      for (const side of [near, far]) {
        expect(new Set([...side.muxer.streams].map(({ id, direction }) => `${direction} ${id}`)).size).toBe(20)
      }
      for (const [at, stream] of near.streams.entries()) {
        void stream.closeWrite()
        void opened[2 * at + 1]?.closeWrite()
        expect(textOf(await readAll(stream))).toBe(`stream ${2 * at + 1}`)
      }
    })

    test('a stream that says nothing is known to the other side all the same', async () => {
      const { near, far } = connect(subject)
      await near.muxer.open()
      expect((await arrived(far)).status).toBe('open')
    })

    test('what was sent before the end arrives, also when our direction was closed long before', async () => {
      const { near, far } = connect(subject)
      const stream = await near.muxer.open()
      await stream.closeWrite()
      expect(() => stream.send(utf8.encode('late'))).toThrow(expect.objectContaining({ code: 'ERR_WRITE_CLOSED' }))
      const remote = await arrived(far)
      await until('the end arrives', () => remote.status === 'closing')
      const sending = (async () => {
        for (let at = 0; at < 40; at++) await remote.write(new Uint8Array(chunk).fill(at))
        await remote.closeWrite()
      })()
      const all = await readAll(stream)
      await sending
      expect(all).toHaveLength(40 * chunk)
      expect(all.at(-1)).toBe(39)
    })

    test('a reset reaches the other side as one, and leaves the streams beside it alone', async () => {
      const { near, far } = connect(subject, echo)
      const [one, two] = [await near.muxer.open(), await near.muxer.open()]
      one.send(utf8.encode('one'))
      two.send(utf8.encode('two'))
      const remote = await arrived(far)
      one.abort(new Error('enough'))
      expect(one).toMatchObject({ status: 'reset', error: { message: 'enough' } })
      await until('the reset arrives', () => remote.status === 'reset')
      expect(remote.error).toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true })
      await two.closeWrite()
      expect(textOf(await readAll(two))).toBe('two')
    })

    test('closing a stream with unread data discards them and lets the remote finish', async () => {
      const { near, far } = connect(subject)
      const stream = await near.muxer.open()
      stream.send(utf8.encode('x'))
      const remote = await arrived(far)
      const closing = stream.close()
      for (let at = 0; at < 100; at++) await remote.write(new Uint8Array(chunk))
      await remote.closeWrite()
      await closing
      await until('it is closed', () => stream.status === 'closed' && near.muxer.streamCount === 0)
    })

    test('a handler or a reader that throws costs its own stream only', async () => {
      const { near, far } = connect(subject, (stream) => {
        if (far.streams.length === 1) throw new Error('no handler')
        if (far.streams.length > 2) return echo(stream)
        stream.attach({
          data: () => {
            throw new Error('bad reader')
          },
          end: ignore,
          closed: ignore
        })
      })
      const streams = [await near.muxer.open(), await near.muxer.open(), await near.muxer.open()]
      for (const stream of streams) stream.send(utf8.encode('hello'))
      await until('two are reset', () => streams[0]?.status === 'reset' && streams[1]?.status === 'reset')
      const last = streams[2] as MuxedStream
      await last.closeWrite()
      expect(textOf(await readAll(last))).toBe('hello')
      expect(far.streams.map(({ error }) => error?.message)).toEqual(['no handler', 'bad reader', undefined])
    })

    test.runIf(subject.flowControl !== false).each(lazyReaders)(
      'memory stays flat while 1 GiB is offered to %s, and other streams go on',
      async (_name, read) => {
        const { near, far } = connect(subject, (stream) => {
          if (far.streams.length > 1) echo(stream)
        })
        const stream = await near.muxer.open()
        let accepted = 0
        const offering = (async () => {
          // A length of three bytes before each, for the reader of messages.
          const message = new Uint8Array(chunk)
          message.set([0xfd, 0xff, 0x03])
          for (; accepted < 2 ** 30; accepted += chunk) await stream.write(message)
        })()
        offering.catch(ignore)
        const remote = await arrived(far)
        await read(remote)
        const beside = await near.muxer.open()
        beside.send(utf8.encode('still here'))
        await beside.closeWrite()
        expect(textOf(await readAll(beside))).toBe('still here')
        let before = -1
        while (before < accepted) {
          before = accepted
          await settle(50)
        }
        expect(accepted).toBeLessThanOrEqual(2 * 1024 * 1024)
        remote.abort(new Error('seen enough'))
        await expect(offering).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
        await until('nothing is left', () => near.muxer.streamCount === 0)
      }
    )

    test.runIf(subject.flowControl === false).each(lazyReaders)(
      'memory stays flat while 1 GiB is offered to %s, which costs its stream, and other streams go on',
      async (_name, read) => {
        const { near, far } = connect(subject, (stream) => {
          if (far.streams.length > 1) echo(stream)
        })
        const stream = await near.muxer.open()
        let accepted = 0
        const offering = (async () => {
          const message = new Uint8Array(chunk)
          message.set([0xfd, 0xff, 0x03])
          for (; accepted < 2 ** 30; accepted += chunk) await stream.write(message)
        })()
        const refused = expect(offering).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true })
        const remote = await arrived(far)
        void Promise.resolve(read(remote)).catch(ignore)
        const beside = await near.muxer.open()
        beside.send(utf8.encode('still here'))
        await beside.closeWrite()
        expect(textOf(await readAll(beside))).toBe('still here')
        await refused
        expect(accepted).toBeLessThanOrEqual(4 * 1024 * 1024)
        expect(remote).toMatchObject({ status: 'reset', error: { code: 'ERR_LIMIT' } })
        await until('nothing is left', () => near.muxer.streamCount + far.muxer.streamCount === 0)
        expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
      }
    )

    test('1,000 streams at once carry 64 KiB each way in chunks of any size', async () => {
      const { near, far } = connect(subject, echo)
      const random = seededRandom(fuzzSeed)
      const pool = Uint8Array.from({ length: 4 * chunk }, () => random(256))
      await Promise.all(
        Array.from({ length: 1000 }, async (_, at) => {
          const stream = await near.muxer.open()
          const start = random(3 * chunk)
          const sent = pool.subarray(start, start + chunk)
          const reading = readAll(stream)
          for (let from = 0; from < chunk;) {
            const length = Math.min(chunk - from, 1 + random(random(4) === 0 ? 30_000 : 2000))
            await stream.write(sent.subarray(from, from + length))
            from += length
            if (random(8) === 0) await settle(1)
          }
          await stream.closeWrite()
          const got = await reading
          const isSame = got.length === sent.length && got.every((byte, index) => byte === sent[index])
          expect(isSame, `stream ${at}, seed ${fuzzSeed}`).toBe(true)
        })
      )
      await until('all are over', () => near.muxer.streamCount + far.muxer.streamCount === 0)
      expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
    }, 60_000)

    test('10,000 streams are opened, used and closed one after another, 64 at a time', async () => {
      const { near, far } = connect(subject, echo)
      let left = 10_000
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          while (left-- > 0) {
            const stream = await near.muxer.open()
            stream.send(utf8.encode('ping'))
            void stream.closeWrite()
            expect(textOf(await readAll(stream))).toBe('ping')
          }
        })
      )
      await until('all are over', () => near.muxer.streamCount + far.muxer.streamCount === 0)
      expect(far.streams).toHaveLength(10_000)
      expect(near.scope.isEmpty && far.scope.isEmpty).toBe(true)
    }, 60_000)

    test('limits that are reached refuse streams, on either side', async () => {
      const { near, far } = connect(subject)
      far.scope.refused.add('streamsInbound')
      const stream = await near.muxer.open()
      stream.send(utf8.encode('x'))
      await until('it is refused', () => stream.status === 'reset')
      expect(far.streams).toEqual([])
      near.scope.refused.add('streamsOutbound')
      await expect(near.muxer.open()).rejects.toMatchObject({ code: 'ERR_LIMIT' })
      far.scope.refused.clear()
      near.scope.refused.clear()
      await near.muxer.open()
      expect((await arrived(far)).status).toBe('open')
    })

    test('open takes a signal and looks at it first', async () => {
      const { near } = connect(subject)
      await expect(near.muxer.open({ signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late')
      expect(near.muxer.streamCount).toBe(0)
      expect(near.scope.isEmpty).toBe(true)
    })

    test('close lets streams send what is queued, then ends both sides in good order', async () => {
      const { near, far } = connect(subject)
      const stream = await near.muxer.open()
      stream.send(new Uint8Array(3 * chunk))
      const closing = near.muxer.close()
      expect(near.muxer.close()).toStrictEqual(closing)
      await expect(near.muxer.open()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
      const remote = await arrived(far)
      let got = 0
      remote.attach({ data: (bytes) => void (got += bytes.length), end: ignore, closed: ignore })
      await closing
      await until('all has arrived', () => got === 3 * chunk)
      await expectNothingLeft(near, far)
      expect([near.closes, far.closes]).toEqual([[undefined], [undefined]])
      await expect(far.muxer.open()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
    })

    test('abort ends everything that waits, on both sides', async () => {
      const { near, far } = connect(subject)
      const stream = await near.muxer.open()
      const reading = readAll(stream)
      reading.catch(ignore)
      stream.send(utf8.encode('x'))
      const remote = await arrived(far)
      near.muxer.abort(new Error('broken'))
      await expect(reading).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
      expect(() => stream.send(utf8.encode('y'))).toThrow(expect.objectContaining({ code: 'ERR_CONNECTION_CLOSED' }))
      await until('the other side knows', () => remote.status === 'reset')
      await expectNothingLeft(near, far)
      expect(near.closes[0]?.message).toBe('broken')
      expect(far.closes[0]).toBeInstanceOf(Error)
      near.muxer.abort(new Error('again'))
      await near.muxer.close()
      expect(near.closes).toHaveLength(1)
    })

    test('a link that is cut at any step leaves nothing behind and nobody waiting', async () => {
      for (let step = 0; step < 40; step++) {
        const { near, far, cut } = connect(subject, (stream) => {
          void (async () => {
            for await (const bytes of stream) await stream.write(bytes)
            await stream.close()
          })().catch(ignore)
        })
        const exchange = async (): Promise<void> => {
          const stream = await near.muxer.open()
          for (let round = 0; round < 4; round++) {
            await stream.write(new Uint8Array(round % 2 === 0 ? 100 : 3 * chunk))
          }
          await stream.closeWrite()
          await readAll(stream)
        }
        const all = Promise.allSettled([exchange(), exchange(), exchange()])
        await settle(step)
        cut(new Error(`cut at step ${step}`))
        await all
        await expectNothingLeft(near, far)
      }
    })

    test('random lives of streams: bytes arrive in order or not at all, and nothing is left', async () => {
      const rounds = Math.ceil(fuzzInputs / 250)
      for (let round = 0; round < rounds; round++) {
        await randomLives(subject, seededRandom(fuzzSeed + round), fuzzSeed + round)
      }
    }, 600_000)
  })
}
