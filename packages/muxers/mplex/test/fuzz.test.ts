import { expect, test } from 'vitest'
import { seededRandom, type SeededRandom } from '@peerloom/conformance'
import { isPeerloomError, type MuxedStream, systemClock } from '@peerloom/interface'
import { ChannelBase } from '@peerloom/streams'
import { FrameParser } from '../src/frame.ts'
import { echo, frame, messageReceiver, newStream, startSide, turns, varint } from './harness.ts'

// PEERLOOM_FUZZ sets the number of inputs (then times are checked too), PEERLOOM_SEED repeats a run.
const runs = Number(process.env['PEERLOOM_FUZZ'] ?? 10_000)
const long = process.env['PEERLOOM_FUZZ'] !== undefined
const seed = Number(process.env['PEERLOOM_SEED'] ?? Date.now() % 2 ** 31)
const timeout = Math.max(60_000, runs * 2)

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

/** Frames that mostly make sense, so that random ones get far; now and then nothing that does. */
function randomFrames(random: SeededRandom): Uint8Array {
  const parts: Uint8Array[] = []
  const ids: number[] = []
  for (let count = 1 + random(24); count > 0; count--) {
    const odd = random(60)
    if (odd === 0) parts.push(Uint8Array.from({ length: random(40) }, () => random(256)))
    if (odd === 1) parts.push(Uint8Array.from(varint(2n ** BigInt(random(70)))))
    if (ids.length === 0 || random(4) === 0) {
      ids.push(ids.length + random(3))
      parts.push(frame(newStream, ids.at(-1) as number, random(20)))
      continue
    }
    const id = odd === 2 ? random(2 ** 32) : odd === 3 ? random(4) : (ids[random(ids.length)] as number)
    const flag = odd === 4 ? random(8) : random(8) === 0 ? 4 + 2 * random(2) : random(20) === 0 ? messageReceiver : 2
    const length = random(random(80) === 0 ? 70_000 : 300)
    parts.push(frame(flag, odd === 5 ? 1 : id, length, odd === 6 ? random(2 ** 31) : undefined))
  }
  return Buffer.concat(parts)
}

const serve = (random: SeededRandom) => (stream: MuxedStream) => {
  const taste = random(4)
  if (taste === 0) throw new Error('no handler')
  else if (taste === 1) echo(stream)
  else if (taste === 2) void stream.close().catch(() => {})
}

/** Plays one input. Gives how long the muxer took for it, in ms, and whether it lived. */
async function play(input: number): Promise<{ took: number; bytes: number; lived: boolean }> {
  const name = `seed ${seed}, input ${input}`
  const random = seededRandom(seed + input)
  const line = new Line()
  const side = startSide(line, random(2) === 0 ? 'initiator' : 'responder', {}, serve(random))
  const own = random(3) === 0 ? await side.muxer.open() : undefined
  own?.send(new Uint8Array(random(1000)))
  const bytes = randomFrames(random)
  let took = 0
  for (let at = 0; at < bytes.length && line.status === 'open';) {
    const piece = bytes.slice(at, at + (random(3) === 0 ? 1 + random(20) : bytes.length))
    at += piece.length
    const started = performance.now()
    line.bring(piece)
    took += performance.now() - started
    if (random(8) === 0) await turns(1)
  }
  await turns(1)
  const lived = line.status === 'open'
  side.muxer.abort(new Error('next'))
  const ended = await side.closed
  if (ended !== undefined && ended.message !== 'next' && !isPeerloomError(ended, 'ERR_PROTOCOL_VIOLATION')) {
    throw new Error(name, { cause: ended })
  }
  expect(side.muxer.streamCount, name).toBe(0)
  expect(side.scope.isEmpty, name).toBe(true)
  return { took, bytes: bytes.length, lived }
}

test('random frames and random bytes never get past their connection', { timeout }, async () => {
  console.info(`seed ${seed}, ${runs} inputs`)
  let survived = 0
  for (let input = 0; input < runs; input++) {
    // A slow round is tried again: other work on the machine takes its share, a slow input is slow every time.
    for (let tries = long ? 5 : 1; tries > 0; tries--) {
      const { took, bytes, lived } = await play(input)
      if (lived) survived++
      if (took <= 5 * Math.max(1, bytes / 1024) || !long) break
      if (tries === 1) throw new Error(`seed ${seed}, input ${input}: ${bytes} bytes took ${took} ms`)
    }
  }
  // Most of them are to be broken by something, but not all by the first frame.
  if (runs >= 1000) expect(survived).toBeGreaterThan(runs / 20)
})

test('the parser says the same of any bytes however they are cut, and in a bounded time', { timeout }, () => {
  console.info(`seed ${seed}, ${runs} inputs`)
  for (let input = 0; input < runs; input++) {
    const random = seededRandom(seed + input)
    const isNoise = random(2) === 0
    const bytes = isNoise ? Uint8Array.from({ length: random(1024) }, () => random(256)) : randomFrames(random)
    let tries = long ? 5 : 1
    let took: number
    do {
      const started = performance.now()
      const whole = parse(bytes, () => bytes.length)
      took = performance.now() - started
      expect(
        parse(bytes, () => 1 + random(30)),
        `seed ${seed}, input ${input}`
      ).toEqual(whole)
    } while (took > 5 * Math.max(1, bytes.length / 1024) && --tries > 0)
    if (long && tries === 0) throw new Error(`seed ${seed}, input ${input}: ${bytes.length} bytes took ${took} ms`)
  }
})

/** What a parser tells of bytes in such pieces: headers, and how much of each body came. */
function parse(bytes: Uint8Array, size: () => number): string[] {
  const told: string[] = []
  let body = 0
  const parser = new FrameParser({
    onHeader: (...header) => {
      told.push(`body of ${body}`, header.join(' '))
      body = 0
      return header[2] % 3 !== 0
    },
    onBody: (piece) => ((body += piece.length), piece.length),
    onGarbage: (what) => void told.push(what)
  })
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + size())
    parser.push(piece)
    at += piece.length
  }
  told.push(`left with ${body}, ${parser.isBetweenFrames}`)
  return told
}
