import { haveLeft, part } from './memory.ts'

/** Chunks below this size are copied together when they are kept. */
const smallBytes = 1024
const maxSlabBytes = 8192
/** How much more memory than it counts a chunk may hold on to: OpenSSL brings four records in a buffer, and some of each are headers. */
const maxPinned = 5

/** Bytes waiting in the chunks they came in; taken from the front in any portion, without copying. */
export class ChunkQueue {
  #chunks: Uint8Array[] = []
  #head = 0
  #length = 0
  /** Where small chunks are gathered, and the chunk that ends at its used part. */
  #slab: Uint8Array | undefined = undefined
  #slabUsed = 0
  #gathered: Uint8Array | undefined = undefined

  /** Bytes in the queue. */
  get length(): number {
    return this.#length
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /**
   * Like `push`, for bytes that may wait long: copies what would hold on to much more memory than it counts, which is
   * small chunks and small parts of large buffers. Answers how many bytes it copied.
   */
  keep(chunk: Uint8Array): number {
    const bytes = chunk.length
    if (bytes >= smallBytes && bytes * maxPinned >= chunk.buffer.byteLength) {
      this.push(chunk)
      return 0
    }
    // The `slice` of Node's Buffer, which sockets bring, does not copy.
    if (bytes >= smallBytes) this.push(new Uint8Array(chunk))
    else this.#gather(chunk)
    haveLeft(chunk)
    return bytes
  }

  unshift(chunk: Uint8Array): void {
    if (this.#head > 0) this.#chunks[--this.#head] = chunk
    else this.#chunks.unshift(chunk)
    this.#length += chunk.length
  }

  /** The next chunk, whole or its first `limit` bytes; undefined when empty. */
  shift(limit: number = Infinity): Uint8Array | undefined {
    const chunk = this.#chunks[this.#head]
    if (chunk === undefined) return undefined
    if (chunk.length > limit) {
      this.#chunks[this.#head] = part(chunk, limit, chunk.length)
      this.#length -= limit
      return part(chunk, 0, limit)
    }
    // Clears the slot so that the bytes can be collected before the array is.
    this.#chunks[this.#head++] = undefined as never
    if (this.#head === this.#chunks.length) {
      this.clear()
      return chunk
    }
    if (this.#head >= 1024 && this.#head * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#head)
      this.#head = 0
    }
    this.#length -= chunk.length
    return chunk
  }

  /** Exactly `length` bytes in one array, copied only when they span chunks; undefined when there are fewer. */
  take(length: number): Uint8Array | undefined {
    if (this.#length < length) return undefined
    const first = this.#chunks[this.#head]
    if (first === undefined) return new Uint8Array(0)
    if (first.length >= length) return length === 0 ? new Uint8Array(0) : (this.shift(length) as Uint8Array)
    const whole = new Uint8Array(length)
    for (let at = 0; at < length;) {
      const chunk = this.shift(length - at) as Uint8Array
      whole.set(chunk, at)
      at += chunk.length
    }
    return whole
  }

  clear(): void {
    this.#chunks = []
    this.#head = 0
    this.#length = 0
    this.#slab = undefined
    this.#gathered = undefined
  }

  #gather(chunk: Uint8Array): void {
    let slab = this.#slab
    if (slab === undefined || this.#slabUsed + chunk.length > slab.length) {
      slab = this.#slab = new Uint8Array(Math.max(chunk.length, Math.min(maxSlabBytes, this.#length)))
      this.#slabUsed = 0
      this.#gathered = undefined
    }
    slab.set(chunk, this.#slabUsed)
    const last = this.#chunks.length - 1
    const grows = this.#gathered !== undefined && last >= this.#head && this.#chunks[last] === this.#gathered
    const start = grows ? (this.#gathered as Uint8Array).byteOffset : this.#slabUsed
    this.#slabUsed += chunk.length
    this.#gathered = slab.subarray(start, this.#slabUsed)
    if (grows) this.#chunks[last] = this.#gathered
    else this.#chunks.push(this.#gathered)
    this.#length += chunk.length
  }
}
