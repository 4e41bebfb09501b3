import { PeerloomError } from '@peerloom/interface'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** A power of two: places are found by a mask. */
const places = 256
/** Longer names are decoded each time, so that what is kept stays small. */
const longestKept = 128

interface Known {
  readonly bytes: Uint8Array
  readonly name: string
}

/**
 * Decodes the names of topics. Nearly all that come have come before: those are found again by comparing bytes, and are
 * the same string, which maps find fastest. What it keeps is bounded, a name makes room for the next one in its place.
 */
export class TopicNames {
  readonly #known: (Known | undefined)[] = Array.from({ length: places })

  /** Throws ERR_DECODE when it is not UTF-8. */
  decode(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start
    if (length > longestKept) return decode(bytes.subarray(start, end))
    let hash = length
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0
    const place = hash & (places - 1)
    const known = this.#known[place]
    if (known !== undefined && isAt(known.bytes, bytes, start, length)) return known.name
    const own = new Uint8Array(bytes.subarray(start, end))
    const name = decode(own)
    this.#known[place] = { bytes: own, name }
    return name
  }
}

function isAt(name: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (name.length !== length) return false
  for (let at = 0; at < length; at++) if (name[at] !== bytes[start + at]) return false
  return true
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new PeerloomError('ERR_DECODE', 'pubsub: the name of a topic is not UTF-8', { cause, remote: true })
  }
}
