import {
  type AbortOptions,
  type Clock,
  type MuxedStream,
  type Muxer,
  type MuxerOptions,
  PeerloomError,
  toError
} from '@peerloom/interface'
import { LastFlush } from '@peerloom/streams'
import type { EngineConnection, EngineStream } from './engine.ts'
import { NativeStream, type StreamOwner } from './stream.ts'

const defaultOpenTimeoutMs = 10_000
/** How long `close` lets streams hand over what they have queued. */
const closeTimeoutMs = 10_000

/** A muxer over a connection that has streams of its own. */
class NativeMuxer implements Muxer, StreamOwner {
  readonly protocol: string
  readonly clock: Clock
  readonly #settings: MuxerOptions
  readonly #connection: EngineConnection
  readonly #streams = new Set<NativeStream>()
  readonly #lastFlush: LastFlush
  #closing: Promise<void> | undefined = undefined
  #over = false

  constructor(protocol: string, connection: EngineConnection, settings: MuxerOptions) {
    this.protocol = protocol
    this.clock = settings.clock
    this.#settings = settings
    this.#connection = connection
    this.#lastFlush = new LastFlush(settings.clock, closeTimeoutMs, () => this.#isFlushed())
  }

  start(): void {
    this.#connection.start({ stream: (stream) => this.#accept(stream), closed: (error) => this.#finish(error) })
  }

  get streams(): Iterable<MuxedStream> {
    return this.#streams
  }

  get streamCount(): number {
    return this.#streams.size
  }

  get rttMs(): number | undefined {
    return this.#connection.rttMs
  }

  async open(options: AbortOptions & { readonly timeoutMs?: number } = {}): Promise<MuxedStream> {
    options.signal?.throwIfAborted()
    if (this.#over || this.#closing !== undefined) throw connectionClosed()
    const { limits } = this.#settings
    if (!limits.reserve('streamsOutbound', 1)) {
      throw new PeerloomError('ERR_LIMIT', 'too many outbound streams are open')
    }
    let opened: EngineStream
    try {
      opened = await this.#open(options)
    } catch (error) {
      throw this.#over ? connectionClosed(error) : error
    }
    if (this.#over || this.#closing !== undefined) {
      opened.reset(() => limits.release('streamsOutbound', 1))
      throw connectionClosed()
    }
    const stream = new NativeStream(this, opened, 'outbound')
    this.#streams.add(stream)
    stream.start()
    return stream
  }

  close(options?: AbortOptions): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  abort(error: Error): void {
    if (this.#over) return
    for (const stream of [...this.#streams]) stream.abort(error)
    this.#connection.abort()
    this.#finish(error)
  }

  remove(stream: NativeStream): void {
    if (!this.#streams.delete(stream)) return
    this.#settings.limits.release(stream.direction === 'inbound' ? 'streamsInbound' : 'streamsOutbound', 1)
    this.flushed()
  }

  flushed(): void {
    this.#lastFlush.check()
  }

  /** What the engine opens too late is reset, and counts until it is gone: an opening cannot be taken back. */
  #open(options: AbortOptions & { readonly timeoutMs?: number }): Promise<EngineStream> {
    const { limits } = this.#settings
    const release = (): void => limits.release('streamsOutbound', 1)
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs = defaultOpenTimeoutMs } = options
      let given = false
      const give = (settle: () => void): void => {
        given = true
        this.clock.clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const onAbort = (): void => give(() => reject(toError(signal?.reason)))
      const timer = this.clock.setTimeout(
        () => give(() => reject(new PeerloomError('ERR_TIMEOUT', `opening a stream took over ${timeoutMs} ms`))),
        timeoutMs
      )
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#connection.open().then(
        (stream) => {
          if (given) stream.reset(release)
          else give(() => resolve(stream))
        },
        (error: unknown) => {
          release()
          if (!given) give(() => reject(toError(error)))
        }
      )
    })
  }

  #accept(opened: EngineStream): void {
    const { limits, onStream } = this.#settings
    if (this.#over || this.#closing !== undefined || !limits.reserve('streamsInbound', 1)) {
      opened.reset(() => {})
      return
    }
    const stream = new NativeStream(this, opened, 'inbound')
    this.#streams.add(stream)
    try {
      onStream(stream)
    } catch (error) {
      stream.abort(toError(error))
      return
    }
    stream.start()
  }

  async #close(options?: AbortOptions): Promise<void> {
    if (this.#over) return
    try {
      await this.#lastFlush.wait(options)
    } catch (error) {
      this.abort(toError(error))
      throw error
    }
    // With the connection, the engine tells its streams that they are lost.
    await this.#connection.close()
    this.#finish(undefined)
  }

  #isFlushed(): boolean {
    for (const stream of this.#streams) if (stream.hasUnsent && stream.status !== 'reset') return false
    return true
  }

  #finish(error: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#lastFlush.end()
    this.#settings.onClose(error)
  }
}

function connectionClosed(cause?: unknown): PeerloomError {
  return new PeerloomError('ERR_CONNECTION_CLOSED', 'the connection takes no new streams', { cause })
}

/** A muxer on the streams of an engine; `protocol` is the name it goes by. */
export function createNativeMuxer(protocol: string, connection: EngineConnection, options: MuxerOptions): Muxer {
  const muxer = new NativeMuxer(protocol, connection, options)
  muxer.start()
  return muxer
}
