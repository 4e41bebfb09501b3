import type { EngineStream, EngineStreamEvents } from '@peerloom/quic-engine'
import { concat } from './varint.ts'

/** A stream of a session, without what says so at its start: ours begins with it, of the remote's it has been read. */
export class SessionStream implements EngineStream, EngineStreamEvents {
  readonly #inner: EngineStream
  /** What is still to be sent before anything else. */
  #head: Uint8Array | undefined
  readonly #isOurs: boolean
  #events: EngineStreamEvents | undefined = undefined
  /** What came before `start`. */
  #held: Uint8Array[] = []
  #ended = false
  #lost: { readonly error: Error; readonly carrierLost: boolean } | undefined = undefined
  #finishing = false
  #paused = false

  /** `head` for a stream of ours. */
  constructor(inner: EngineStream, head?: Uint8Array) {
    this.#inner = inner
    this.#head = head
    this.#isOurs = head !== undefined
  }

  get id(): string {
    return this.#inner.id
  }

  start(events: EngineStreamEvents): void {
    this.#events = events
    if (this.#isOurs) {
      this.#inner.start(this)
      return
    }
    const held = this.#held
    this.#held = []
    for (const bytes of held) events.data(bytes)
    if (this.#ended) events.end()
    if (this.#lost !== undefined) events.lost(this.#lost.error, this.#lost.carrierLost)
    else if (!this.#paused) this.#inner.resume()
  }

  write(bytes: Uint8Array): void {
    const head = this.#head
    this.#head = undefined
    this.#inner.write(head === undefined ? bytes : concat(head, bytes))
  }

  finish(): void {
    const head = this.#head
    if (head === undefined) {
      this.#inner.finish()
      return
    }
    // A stream that says nothing still has to say whose it is.
    this.#head = undefined
    this.#finishing = true
    this.#inner.write(head)
  }

  reset(gone: () => void): void {
    this.#events = undefined
    this.#held = []
    this.#inner.reset(gone)
  }

  pause(): void {
    this.#paused = true
    this.#inner.pause()
  }

  resume(): void {
    this.#paused = false
    this.#inner.resume()
  }

  data(bytes: Uint8Array): void {
    if (this.#events !== undefined) {
      this.#events.data(bytes)
      return
    }
    if (this.#held.length === 0) this.#inner.pause()
    this.#held.push(bytes.slice())
  }

  end(): void {
    this.#ended = true
    this.#events?.end()
  }

  written(): void {
    if (this.#finishing) this.#inner.finish()
    else this.#events?.written()
  }

  stopped(): void {
    this.#events?.stopped()
  }

  lost(error: Error, carrierLost: boolean): void {
    this.#lost = { error, carrierLost }
    this.#events?.lost(error, carrierLost)
  }
}
