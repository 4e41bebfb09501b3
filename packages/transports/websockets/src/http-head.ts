import { PeerloomError } from '@peerloom/interface'

/** Start line and headers of a request or an answer, at most. */
export const maxHeadBytes: number = 16 * 1024
const maxHeaders = 100

const carriageReturn = 0x0d
const lineFeed = 0x0a
const headerName = /^[!#$%&'*+\-.^_`|~\w]+$/

export interface HttpHead {
  readonly startLine: string
  /** By name in lower case; what is named twice is joined with commas (RFC 9110, 5.3). */
  readonly headers: ReadonlyMap<string, string>
  /** What came behind the head. */
  readonly rest: Uint8Array
}

const malformed = (what: string): PeerloomError => new PeerloomError('ERR_DECODE', `HTTP: ${what}`, { remote: true })

/** Gathers the head of an HTTP message (RFC 9112), in any pieces, up to a bound. */
export class HttpHeadReader {
  #bytes: Uint8Array = new Uint8Array(0)
  #length = 0
  /** How many bytes of the end of a head were just seen. */
  #matched = 0

  /** The head when it is complete. Throws ERR_DECODE. */
  push(bytes: Uint8Array): HttpHead | undefined {
    for (let at = 0; at < bytes.length; at++) {
      const wanted = (this.#matched & 1) === 0 ? carriageReturn : lineFeed
      const byte = bytes[at]
      this.#matched = byte === wanted ? this.#matched + 1 : byte === carriageReturn ? 1 : 0
      if (this.#matched === 4) {
        this.#keep(bytes.subarray(0, at + 1))
        return parse(this.#bytes.subarray(0, this.#length - 4), bytes.subarray(at + 1))
      }
    }
    this.#keep(bytes)
    return undefined
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > maxHeadBytes) throw malformed(`a head of over ${maxHeadBytes} bytes`)
    if (length > this.#bytes.length) {
      // Grown by doubling: bytes may trickle in one by one.
      const larger = new Uint8Array(Math.max(length, Math.min(maxHeadBytes, this.#bytes.length * 2)))
      larger.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = larger
    }
    this.#bytes.set(bytes, this.#length)
    this.#length = length
  }
}

function parse(head: Uint8Array, rest: Uint8Array): HttpHead {
  const [startLine = '', ...lines] = latin1(head).split('\r\n')
  if (lines.length > maxHeaders) throw malformed(`over ${maxHeaders} headers`)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    if (!headerName.test(name)) throw malformed('a line that is no header')
    const key = name.toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = headers.get(key)
    headers.set(key, before === undefined ? value : `${before}, ${value}`)
  }
  return { startLine, headers, rest }
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096))
  return text
}
