import type { Channel, ChannelReader } from '@peerloom/interface'
import { doneWith } from './memory.ts'

type Step = IteratorResult<Uint8Array, undefined>

/**
 * Reads a channel one chunk at a time: the channel is paused except while a chunk is being waited for, so what the
 * application has not asked for is not counted as consumed.
 */
export class ChunkIterator implements AsyncIterableIterator<Uint8Array, undefined>, ChannelReader {
  readonly #channel: Channel
  readonly #isTransient: boolean
  /** What the application was given last, if it is done with it when it asks for more. */
  #lent: Uint8Array | undefined = undefined
  #resolve: ((step: Step) => void) | undefined = undefined
  #reject: ((error: unknown) => void) | undefined = undefined
  #ended = false
  #error: Error | undefined = undefined

  /** `isTransient`: each chunk is valid until the next is asked for. */
  constructor(channel: Channel, isTransient = false) {
    this.#channel = channel
    this.#isTransient = isTransient
  }

  next(): Promise<Step> {
    if (this.#resolve !== undefined) return Promise.reject(new TypeError('next() while another next() waits'))
    this.#takeBack()
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      // Attaching delivers at once what waits, and what `data` pauses stays with the channel.
      if (this.#ended) this.#settle()
      else this.#channel.attach(this)
    })
  }

  /** Leaves the rest for the next reader. */
  return(): Promise<Step> {
    this.#takeBack()
    if (!this.#ended) this.#channel.attach(undefined)
    this.#ended = true
    if (this.#resolve !== undefined) this.#settle()
    return Promise.resolve({ value: undefined, done: true })
  }

  data(bytes: Uint8Array): void {
    this.#channel.pause()
    const resolve = this.#resolve
    this.#resolve = undefined
    if (this.#isTransient) this.#lent = bytes
    resolve?.({ value: bytes, done: false })
  }

  end(): void {
    this.#ended = true
    if (this.#resolve !== undefined) this.#settle()
  }

  closed(error?: Error): void {
    if (!this.#ended) this.#error = error
    this.#ended = true
    if (this.#resolve !== undefined) this.#settle()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #takeBack(): void {
    const lent = this.#lent
    this.#lent = undefined
    if (lent !== undefined) doneWith(lent.buffer, lent.length)
  }

  #settle(): void {
    const resolve = this.#resolve
    const error = this.#error
    this.#resolve = undefined
    this.#error = undefined
    if (error === undefined) resolve?.({ value: undefined, done: true })
    else this.#reject?.(error)
  }
}
