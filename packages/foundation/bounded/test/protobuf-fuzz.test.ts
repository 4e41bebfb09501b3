import { fuzzInputs as runs, isLongFuzz as long, fuzzSeed as seed } from '@peerloom/conformance'
import { test } from 'vitest'
import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { isPeerloomError } from '@peerloom/interface'

/** mulberry32 */
function generator(state: number): (below: number) => number {
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

type Random = (below: number) => number

function message(random: Random, depth: number): Uint8Array {
  const writer = new ProtobufWriter()
  for (let count = random(8); count > 0; count--) {
    const field = 1 + random(20)
    const kind = random(5)
    if (kind === 0) writer.uint64(field, BigInt(random(2 ** 31)) ** 2n)
    else if (kind === 1) writer.fixed64(field, BigInt(random(2 ** 31)))
    else if (kind === 2) writer.string(field, 'x'.repeat(random(60)))
    else writer.bytes(field, depth > 0 ? message(random, depth - 1) : new Uint8Array(random(60)))
  }
  return writer.finish()
}

function input(random: Random): Uint8Array {
  if (random(3) === 0) return Uint8Array.from({ length: random(1025) }, () => random(256))
  const bytes = message(random, 3)
  for (let count = random(4); count > 0 && bytes.length > 0; count--) {
    bytes[random(bytes.length)] = random(2) === 0 ? 0xff : random(256)
  }
  return random(4) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes
}

/** Reads each field in a way that the input chooses. */
function consume(reader: ProtobufReader, random: Random): void {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (random(8)) {
      case 0:
        reader.bytes()
        break
      case 1:
        reader.string()
        break
      case 2:
        reader.uint32()
        break
      case 3:
        reader.uint64()
        break
      case 4:
        reader.fixed64()
        break
      case 5:
        consume(reader.message(), random)
        break
      default:
        reader.skip()
    }
  }
}

test('whatever the bytes, reading ends with a value or with ERR_DECODE', { timeout: Math.max(20_000, runs) }, () => {
  console.info(`seed ${seed}, ${runs} inputs`)
  const random = generator(seed)
  for (let run = 0; run < runs; run++) {
    const bytes = input(random)
    const choices = random(2 ** 31)
    // A slow round is tried again: other work on the machine takes its share, a slow input is slow every time.
    let tries = long ? 5 : 1
    let took: number
    do {
      const started = performance.now()
      try {
        consume(new ProtobufReader(bytes), generator(choices))
      } catch (error) {
        if (!isPeerloomError(error, 'ERR_DECODE')) throw new Error(`seed ${seed}, input ${run}`, { cause: error })
      }
      took = performance.now() - started
    } while (took > 5 * Math.max(1, bytes.length / 1024) && --tries > 0)
    if (long && tries === 0) throw new Error(`seed ${seed}, input ${run}: ${bytes.length} bytes took ${took} ms`)
  }
})
