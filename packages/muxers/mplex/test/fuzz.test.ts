import { expect, test } from 'vitest'
import { seededRandom, type SeededRandom } from '@peerloom/conformance'
import { isPeerloomError, systemClock } from '@peerloom/interface'
import { echo, frame, messageReceiver, newStream, startRaw, turns, varint } from './harness.ts'

// PEERLOOM_FUZZ sets the number of inputs (then times are checked too), PEERLOOM_SEED repeats a run.
const runs = Number(process.env['PEERLOOM_FUZZ'] ?? 10_000)
const long = process.env['PEERLOOM_FUZZ'] !== undefined
const seed = Number(process.env['PEERLOOM_SEED'] ?? Date.now() % 2 ** 31)

/** Frames that mostly make sense, so that random ones get far; now and then nothing that does. */
function input(random: SeededRandom): Uint8Array {
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

test(
  'random frames and random bytes never get past their connection',
  { timeout: Math.max(60_000, runs) },
  async () => {
    console.info(`seed ${seed}, ${runs} inputs`)
    let survived = 0
    for (let run = 0; run < runs; run++) {
      // A slow round is tried again: other work on the machine takes its share, a slow input is slow every time.
      for (let tries = long ? 5 : 1; ;) {
        const random = seededRandom(seed + run)
        const isDialler = random(2) === 0
        const { side, raw } = startRaw(isDialler ? 'initiator' : 'responder', {}, systemClock, (stream) => {
          const taste = random(4)
          if (taste === 0) throw new Error('no handler')
          else if (taste === 1) echo(stream)
          else if (taste === 2) void stream.close().catch(() => {})
        })
        const own = random(3) === 0 ? await side.muxer.open() : undefined
        own?.send(new Uint8Array(random(1000)))
        const bytes = input(random)
        let took = 0
        for (let at = 0; at < bytes.length && raw.status === 'open';) {
          const length = random(3) === 0 ? 1 + random(20) : bytes.length
          raw.send(bytes.subarray(at, at + length))
          at += length
          if (random(4) === 0) await turns(1)
        }
        const started = performance.now()
        await turns(3)
        took += performance.now() - started
        if (raw.status === 'open') survived++
        side.muxer.abort(new Error('next'))
        const ended = await side.closed
        const isNext = ended?.message === 'next'
        if (!isNext && ended !== undefined && !isPeerloomError(ended, 'ERR_PROTOCOL_VIOLATION')) {
          throw new Error(`seed ${seed}, input ${run}`, { cause: ended })
        }
        expect(side.muxer.streamCount, `seed ${seed}, input ${run}`).toBe(0)
        expect(side.scope.isEmpty, `seed ${seed}, input ${run}`).toBe(true)
        raw.abort(new Error('next'))
        if (!long || took <= 5 * Math.max(1, bytes.length / 1024)) break
        if (--tries === 0) throw new Error(`seed ${seed}, input ${run}: ${bytes.length} bytes took ${took} ms`)
      }
    }
    // Most of them are to be broken by something, but not all by the first frame.
    if (runs >= 1000) expect(survived).toBeGreaterThan(runs / 20)
  }
)
