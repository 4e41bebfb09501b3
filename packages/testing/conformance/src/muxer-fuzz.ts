import {
  type Channel,
  type ErrorCode,
  isPeerloomError,
  type MuxedStream,
  type MuxerOptions,
  systemClock
} from '@peerloom/interface'
import { ChannelBase } from '@peerloom/streams'
import { expect, test } from 'vitest'
import { fuzzInputs as runs, fuzzSeed as seed, isLongFuzz as long } from './fuzz-settings.ts'
import { settle } from './manual-clock.ts'
import { echo, type MuxerSide } from './muxer-side.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

const timeout = Math.max(60_000, runs * 2)
/** What a KiB of input may take in a long run, and how often a slow one is tried again: other work on the machine takes its share. */
const maxMsPerKiB = 5
const tries = long ? 5 : 1

export type MuxerRole = MuxerOptions['role']

export interface FuzzedMuxer {
  /** Frames that mostly make sense to a muxer in this role, so that random ones get far; now and then nothing that does. */
  randomFrames(random: SeededRandom, role: MuxerRole): Uint8Array
  start(channel: Channel, role: MuxerRole, onStream: (stream: MuxedStream) => void): MuxerSide
  /** Codes that it may end a connection with, besides ERR_PROTOCOL_VIOLATION. */
  readonly codes?: readonly ErrorCode[]
  /** What its parser tells of bytes that come in pieces of such sizes: headers, and how much of each body came. */
  parse(bytes: Uint8Array, size: () => number): string[]
}

/** A channel that brings what it is told to, at once, so that time is counted for nothing else. */
class Line extends ChannelBase {
  constructor() {
    super(systemClock)
  }

  bring(bytes: Uint8Array): void {
    this.deliver(bytes)
  }

  protected override carry(): void {}

  protected override carryEnd(): void {
    this.writeFinished()
  }

  protected override carryReset(): void {}
}

const serve = (random: SeededRandom) => (stream: MuxedStream) => {
  const taste = random(4)
  if (taste === 0) throw new Error('no handler')
  else if (taste === 1) echo(stream)
  else if (taste === 2) void stream.close().catch(() => {})
}

/** Takes an input again while it is too slow, and fails when it stays so. `take` gives the ms it took. */
async function inTime(name: string, bytes: number, take: () => Promise<number>): Promise<void> {
  for (let left = tries; left > 0; left--) {
    const took = await take()
    if (!long || took <= maxMsPerKiB * Math.max(1, bytes / 1024)) return
  }
  throw new Error(`${name}: ${bytes} bytes take too long`)
}

/** Random frames and random bytes against a muxer and against its parser. */
export function fuzzMuxer(muxer: FuzzedMuxer): void {
  /** Plays one input. Whether the connection lived, and how long the muxer took, in ms. */
  async function play(name: string, bytes: Uint8Array, role: MuxerRole, random: SeededRandom) {
    const line = new Line()
    const side = muxer.start(line, role, serve(random))
    const own = random(3) === 0 ? await side.muxer.open() : undefined
    own?.send(new Uint8Array(random(1000)))
    let took = 0
    for (let at = 0; at < bytes.length && line.status === 'open';) {
      const piece = bytes.slice(at, at + (random(3) === 0 ? 1 + random(20) : bytes.length))
      at += piece.length
      const started = performance.now()
      line.bring(piece)
      took += performance.now() - started
      if (random(8) === 0) await settle(1)
    }
    await settle(1)
    const lived = line.status === 'open'
    side.muxer.abort(new Error('next'))
    const ended = await side.closed
    const isTyped = (['ERR_PROTOCOL_VIOLATION', ...(muxer.codes ?? [])] as const).some((code) =>
      isPeerloomError(ended, code)
    )
    if (ended !== undefined && ended.message !== 'next' && !isTyped) throw new Error(name, { cause: ended })
    expect(side.muxer.streamCount, name).toBe(0)
    expect(side.scope.isEmpty, name).toBe(true)
    return { took, lived }
  }

  test('random frames and random bytes never get past their connection', { timeout }, async () => {
    console.info(`seed ${seed}, ${runs} inputs`)
    let survived = 0
    for (let input = 0; input < runs; input++) {
      const name = `seed ${seed}, input ${input}`
      const role = seededRandom(seed + input)(2) === 0 ? 'initiator' : 'responder'
      const bytes = muxer.randomFrames(seededRandom(seed + input), role)
      await inTime(name, bytes.length, async () => {
        const { took, lived } = await play(name, bytes, role, seededRandom(seed + input))
        if (lived) survived++
        return took
      })
    }
    // Most of them are to be broken by something, but not all by the first frame.
    if (runs >= 1000) expect(survived).toBeGreaterThan(runs / 20)
  })

  test('the parser says the same of any bytes however they are cut, and in a bounded time', { timeout }, async () => {
    console.info(`seed ${seed}, ${runs} inputs`)
    for (let input = 0; input < runs; input++) {
      const name = `seed ${seed}, input ${input}`
      const random = seededRandom(seed + input)
      const isNoise = random(2) === 0
      const bytes = isNoise
        ? Uint8Array.from({ length: random(1024) }, () => (random(3) === 0 ? 0 : random(256)))
        : muxer.randomFrames(random, random(2) === 0 ? 'initiator' : 'responder')
      await inTime(name, bytes.length, async () => {
        const started = performance.now()
        const whole = muxer.parse(bytes, () => bytes.length)
        const took = performance.now() - started
        const cut = muxer.parse(bytes, () => 1 + random(30))
        expect(cut, name).toEqual(whole)
        return took
      })
    }
  })
}
