import { PeerloomError } from '@peerloom/interface'
import { type EngineStream, type EngineStreamEvents, streamLost } from '@peerloom/quic-engine'
import type { AddonStream } from './quinn-addon.ts'

/** Each read allocates what it asks for, also while it waits: streams that say little ask for little. */
const minReadBytes = 1024
const maxReadBytes = 256 * 1024
/** A stream that nobody takes from reads on for so much: only a read shows that the remote has reset the stream. */
const maxHeldBytes = 64 * 1024

const ignore = (): void => {}

/** What the stream needs of its connection. */
export interface QuinnStreamHost {
  /** Something was given to the network. */
  wrote(): void
  /** Over, for whatever reason. */
  forget(stream: QuinnStream): void
}

export class QuinnStream implements EngineStream {
  readonly id: string
  readonly #stream: AddonStream
  readonly #host: QuinnStreamHost
  #events: EngineStreamEvents | undefined = undefined
  #readBytes = minReadBytes
  #reading = false
  #paused = false
  /** Bytes delivered since it was paused. */
  #heldBytes = 0
  /** Nothing more comes in. */
  #readOver = false
  #writeOver = false
  #lost = false

  constructor(stream: AddonStream, host: QuinnStreamHost) {
    this.#stream = stream
    this.#host = host
    this.id = stream.id()
  }

  start(events: EngineStreamEvents): void {
    this.#events = events
    this.#read()
  }

  write(bytes: Uint8Array): void {
    this.#host.wrote()
    this.#stream.write(bytes).then(this.#onWritten, this.#onWriteFailed)
  }

  finish(): void {
    this.#writeOver = true
    this.#host.wrote()
    this.#stream.finishWrite().catch(ignore)
    this.#forgetWhenOver()
  }

  reset(gone: () => void): void {
    this.#events = undefined
    this.#host.forget(this)
    // Each waits for what is under way in its direction: a write that is blocked, until the remote reads or is gone.
    void Promise.allSettled([this.#stream.resetWrite(), this.#readOver ? undefined : this.#stream.stopRead()]).then(
      gone
    )
  }

  pause(): void {
    this.#paused = true
    this.#heldBytes = 0
    this.#read()
  }

  resume(): void {
    this.#paused = false
    this.#read()
  }

  /** The connection is over: what it had received is read out, also by a stream that was held, up to the failing read. */
  connectionOver(cause: Error): void {
    this.#paused = false
    if (this.#readOver) this.#fail(streamLost(cause), true)
    else this.#read()
  }

  #read(): void {
    if (this.#reading || this.#readOver || this.#events === undefined) return
    if (this.#paused && this.#heldBytes >= maxHeldBytes) return
    this.#reading = true
    this.#stream.read(this.#readBytes).then(this.#onRead, this.#onReadFailed)
  }

  readonly #onRead = (bytes: Uint8Array | null | undefined): void => {
    this.#reading = false
    const events = this.#events
    if (events === undefined) return
    if (bytes === null || bytes === undefined) {
      this.#readOver = true
      events.end()
      this.#forgetWhenOver()
      return
    }
    if (bytes.length === this.#readBytes) this.#readBytes = Math.min(this.#readBytes * 8, maxReadBytes)
    else if (bytes.length * 16 < this.#readBytes) this.#readBytes = Math.max(this.#readBytes / 4, minReadBytes)
    this.#heldBytes += bytes.length
    events.data(bytes)
    this.#read()
  }

  readonly #onReadFailed = (cause: Error): void => {
    this.#reading = false
    this.#readOver = true
    const reset = cause.message.startsWith('stream reset')
    this.#fail(
      reset
        ? new PeerloomError('ERR_CHANNEL_RESET', `the remote reset the stream${codeOf(cause)}`, { remote: true })
        : streamLost(cause),
      !reset
    )
  }

  readonly #onWritten = (): void => {
    this.#host.wrote()
    this.#events?.written()
  }

  readonly #onWriteFailed = (cause: Error): void => {
    if (cause.message.startsWith('sending stopped')) {
      this.#writeOver = true
      this.#events?.stopped()
      this.#forgetWhenOver()
    }
    // All else ends the connection, which tells the stream.
  }

  #fail(error: Error, carrierLost: boolean): void {
    if (this.#lost) return
    this.#lost = true
    this.#host.forget(this)
    this.#events?.lost(error, carrierLost)
  }

  #forgetWhenOver(): void {
    if (this.#readOver && this.#writeOver) this.#host.forget(this)
  }
}

/** Reset codes are advisory. quinn writes them behind a colon. */
function codeOf(cause: Error): string {
  const code = /error (\d+)/.exec(cause.message)?.[1]
  return code === undefined || code === '0' ? '' : ` with code ${code}`
}
