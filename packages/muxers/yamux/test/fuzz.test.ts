import { fuzzMuxer, type MuxerRole } from '@peerloom/conformance/muxer'
import type { SeededRandom } from '@peerloom/conformance'
import { FrameParser } from '../src/frame.ts'
import { data, frame, goAway, ping, startSide, syn, windowUpdate } from './harness.ts'

fuzzMuxer({
  randomFrames,
  parse,
  start: (channel, role, onStream) => startSide(channel, role, { keepAliveMs: 0 }, onStream),
  codes: ['ERR_MUXER']
})

/** Frames that mostly make sense, so that random ones get far; sometimes nothing that does. */
function randomFrames(random: SeededRandom, role: MuxerRole): Uint8Array {
  const parts: Uint8Array[] = []
  const ids: number[] = []
  // Those of the remote.
  let next = role === 'responder' ? 1 : 2
  for (let count = 1 + random(24); count > 0; count--) {
    const odd = random(40)
    if (odd === 0) parts.push(Uint8Array.from({ length: random(40) }, () => random(256)))
    const fresh = ids.length === 0 || random(4) === 0
    if (fresh) {
      ids.push(next)
      next += 2 * (1 + random(3))
    }
    const id = odd === 1 ? random(2 ** 32) : odd === 2 ? random(8) : (fresh ? ids.at(-1) : ids[random(ids.length)])!
    const type =
      odd === 3 ? random(256) : fresh ? random(2) : ([data, data, windowUpdate, ping, goAway][random(5)] ?? data)
    const flags = odd === 4 ? random(65_536) : (fresh ? syn : 0) | (random(6) === 0 ? random(16) & ~syn : 0)
    const length = odd === 5 ? random(2 ** 32) : type === goAway ? 0 : random(random(50) === 0 ? 150_000 : 300)
    const body = new Uint8Array(type === data && odd !== 5 ? length : 0)
    parts.push(frame(type, flags, type === ping || type === goAway ? 0 : id, length, body))
  }
  return Buffer.concat(parts)
}

/** What a parser tells of bytes in such pieces: headers, and how much of each body came. */
function parse(bytes: Uint8Array, size: () => number): string[] {
  const told: string[] = []
  let body = -1
  const parser = new FrameParser({
    onHeader: (...header) => {
      if (body >= 0) told.push(`cut off behind ${body}`)
      told.push(header.join(' '))
      body = header[1] === data && header[3] % 3 !== 0 ? 0 : -1
      return header[3] % 3 !== 0
    },
    onBody: (piece) => ((body += piece.length), piece.length),
    onBodyEnd: () => {
      told.push(`body of ${body}`)
      body = -1
    }
  })
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + size())
    parser.push(piece)
    at += piece.length
  }
  told.push(`left with ${body}`)
  return told
}
