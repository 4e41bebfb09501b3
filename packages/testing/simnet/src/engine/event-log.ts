const golden = 0x9e3779b1
const other = 0x85ebca6b

/** A running hash of what happened, in order: two runs are the same when their hashes are. 64 bits, not cryptographic. */
export class EventLog {
  #low = 0x243f6a88
  #high = 0x13198a2e
  #events = 0

  get events(): number {
    return this.#events
  }

  add(time: number, kind: number, to: number, from: number, ref: number): void {
    this.#events++
    // Times are whole microseconds below 2^53: the low word and what is above it.
    const one = Math.imul(this.#low ^ time, golden) ^ Math.imul(to, other) ^ (time / 4294967296)
    const two = Math.imul(this.#high ^ ref, other) ^ Math.imul(from ^ (kind << 24), golden)
    this.#low = ((one << 13) | (one >>> 19)) ^ two
    this.#high = ((two << 17) | (two >>> 15)) + one
  }

  /** 16 hex digits. */
  digest(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }
}

/** The hash of a text, for naming configurations. */
export function textHash(text: string): string {
  const log = new EventLog()
  for (let at = 0; at < text.length; at++) log.add(at, 0, text.charCodeAt(at), 0, 0)
  return log.digest()
}
