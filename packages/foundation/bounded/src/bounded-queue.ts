import { PeerloomError } from '@peerloom/interface'

export interface BoundedQueueOptions<T> {
  /** The most items it holds. Default 65,536. */
  readonly maxItems?: number
  /** The most bytes that the items may add up to, by `sizeOf`. Default: not counted. */
  readonly maxBytes?: number
  /** The bytes of an item. Needed with `maxBytes`. */
  readonly sizeOf?: (item: T) => number
}

const defaults = { maxItems: 65_536 }
const smallestRing = 4

const ring = <T>(length: number): (T | undefined)[] => Array<T | undefined>(length).fill(undefined)

/**
 * First in, first out, in a ring that grows up to its bound.
 *
 * ```ts
 * const queue = new BoundedQueue<Uint8Array>({ maxBytes: 1 << 20, sizeOf: (chunk) => chunk.byteLength })
 * if (!queue.push(chunk)) channel.abort(new PeerloomError('ERR_LIMIT', 'queue is full'))
 * ```
 */
export class BoundedQueue<T> {
  readonly #maxItems: number
  readonly #maxBytes: number
  readonly #sizeOf: (item: T) => number
  // Its length is a power of two, so that positions wrap by a mask.
  #ring: (T | undefined)[]
  #head = 0
  #length = 0
  #bytes = 0

  constructor(options: BoundedQueueOptions<T> = {}) {
    if (options.maxBytes !== undefined && options.sizeOf === undefined) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', 'maxBytes needs sizeOf')
    }
    this.#maxItems = options.maxItems ?? defaults.maxItems
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY
    if (!(this.#maxItems >= 1 && this.#maxBytes >= 1)) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', 'maxItems and maxBytes must be 1 or more')
    }
    this.#sizeOf = options.sizeOf ?? (() => 0)
    this.#ring = ring(smallestRing)
  }

  get length(): number {
    return this.#length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Appends. False: the item does not fit, and the queue is as it was. */
  push(item: T): boolean {
    const size = this.#sizeOf(item)
    if (this.#length >= this.#maxItems || this.#bytes + size > this.#maxBytes) return false
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item
    this.#length++
    this.#bytes += size
    return true
  }

  /** Takes the oldest item. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#head] as T
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#length--
    this.#bytes -= this.#sizeOf(item)
    return item
  }

  /** The oldest item, which stays. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head]
  }

  /** Drops everything, and the memory of the ring. */
  clear(): void {
    this.#ring = ring(smallestRing)
    this.#head = this.#length = this.#bytes = 0
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.#length; index++) {
      yield this.#ring[(this.#head + index) & (this.#ring.length - 1)] as T
    }
  }

  #grow(): void {
    const old = this.#ring
    const larger = ring<T>(old.length * 2)
    for (let index = 0; index < this.#length; index++) larger[index] = old[(this.#head + index) & (old.length - 1)]
    this.#ring = larger
    this.#head = 0
  }
}
