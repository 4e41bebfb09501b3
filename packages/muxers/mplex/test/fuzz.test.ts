import { fuzzMuxer } from '@peerloom/conformance/muxer'
import type { SeededRandom } from '@peerloom/conformance'
import { FrameParser } from '../src/frame.ts'
import { frame, messageReceiver, newStream, startSide, varint } from './harness.ts'

fuzzMuxer({ randomFrames, parse, start: (channel, role, onStream) => startSide(channel, role, {}, onStream) })

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
