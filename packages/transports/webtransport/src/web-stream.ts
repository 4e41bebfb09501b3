import { PeerloomError, toError } from '@peerloom/interface'
import { type EngineStream, type EngineStreamEvents, streamLost } from '@peerloom/quic-engine'

const ignore = (): void => {}

/** A stream of a browser's WebTransport. */
export class WebStream implements EngineStream {
  readonly id: string
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>
  /** Told of what has to leave before the session may be closed. */
  readonly #onFinishing: (finishing: Promise<unknown>) => void
  #events: EngineStreamEvents | undefined = undefined
  #paused = false
  #reading = false
  #over = false

  constructor(
    id: string,
    stream: { readonly readable: ReadableStream; readonly writable: WritableStream },
    onFinishing: (finishing: Promise<unknown>) => void
  ) {
    this.id = id
    this.#reader = stream.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>
    this.#writer = stream.writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>
    this.#onFinishing = onFinishing
    this.#writer.closed.catch(ignore)
    this.#reader.closed.catch(ignore)
  }

  start(events: EngineStreamEvents): void {
    this.#events = events
    this.#read()
  }

  write(bytes: Uint8Array): void {
    // `ready` and not the write: the first says that there is room for more, the second that all has left.
    this.#writer.write(bytes).catch(ignore)
    this.#writer.ready.then(this.#onWritten, this.#onWriteFailed)
  }

  finish(): void {
    this.#onFinishing(this.#writer.close().catch(ignore))
  }

  reset(gone: () => void): void {
    this.#events = undefined
    this.#writer.abort().catch(ignore)
    this.#reader.cancel().catch(ignore)
    gone()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#read()
  }

  #read(): void {
    if (this.#reading || this.#paused || this.#over || this.#events === undefined) return
    this.#reading = true
    this.#reader.read().then(this.#onRead, this.#onReadFailed)
  }

  readonly #onRead = ({ value, done }: ReadableStreamReadResult<Uint8Array>): void => {
    this.#reading = false
    if (done) {
      this.#over = true
      this.#events?.end()
      return
    }
    this.#events?.data(value)
    this.#read()
  }

  readonly #onReadFailed = (cause: unknown): void => {
    this.#over = true
    const isStream = (cause as { source?: string } | undefined)?.source === 'stream'
    const error = isStream
      ? new PeerloomError('ERR_CHANNEL_RESET', 'the remote reset the stream', { cause, remote: true })
      : streamLost(toError(cause))
    this.#events?.lost(error, !isStream)
  }

  readonly #onWritten = (): void => this.#events?.written()

  readonly #onWriteFailed = (cause: unknown): void => {
    const isStream = (cause as { source?: string } | undefined)?.source === 'stream'
    if (isStream) this.#events?.stopped()
    else this.#events?.lost(streamLost(toError(cause)), true)
  }
}
