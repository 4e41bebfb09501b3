import {
  type AbortOptions,
  type Connection,
  type DialTarget,
  type NodeContext,
  PeerloomError,
  type Startable,
  type Stream,
  systemClock,
  toError
} from '@peerloom/interface'
import { byteReader } from '@peerloom/streams'
import { give, take } from './transfer.ts'
import { Watch } from './watch.ts'

const perfProtocol = '/perf/1.0.0'

export interface PerfOptions {
  /** What a remote may ask us to send in one run, in bytes. Default 2^40. */
  readonly maxDownloadBytes?: bigint
  /** Runs of one peer at once. Default 8. */
  readonly maxInboundStreams?: number
  /** A run in which no byte moves for this long, in ms, is given up; it may take twice as long to notice. Default 30,000. */
  readonly stallTimeoutMs?: number
}

export interface PerfProgress {
  readonly direction: 'upload' | 'download'
  readonly bytes: number
}

export interface RunOptions extends AbortOptions {
  readonly uploadBytes: number | bigint
  readonly downloadBytes: number | bigint
  readonly onProgress?: (progress: PerfProgress) => void
}

export interface PerfResult {
  readonly uploadMs: number
  readonly downloadMs: number
}

export interface PerfService {
  /**
   * Sends, then receives. Rejects with ERR_UNEXPECTED_END or ERR_PROTOCOL_VIOLATION when less or more comes back, and with
   * ERR_TIMEOUT when nothing moves.
   */
  run(target: Connection | DialTarget, options: RunOptions): Promise<PerfResult>
}

/** perf 1.0.0: 8 bytes say what to send back, then the upload, its end, the download, its end. */
export class Perf implements PerfService, Startable {
  readonly #node: NodeContext
  readonly #maxDownloadBytes: bigint
  readonly #maxInboundStreams: number
  readonly #stallTimeoutMs: number
  readonly #now: () => number

  constructor(node: NodeContext, options: PerfOptions) {
    this.#node = node
    this.#maxDownloadBytes = options.maxDownloadBytes ?? 2n ** 40n
    this.#maxInboundStreams = options.maxInboundStreams ?? 8
    this.#stallTimeoutMs = options.stallTimeoutMs ?? 30_000
    // The machine's clock counts whole milliseconds, and a short run may take less than one.
    this.#now = node.clock === systemClock ? () => performance.now() : () => node.clock.now()
  }

  start(): void {
    const options = { maxInboundStreams: this.#maxInboundStreams }
    this.#node.protocols.handle(perfProtocol, (stream) => this.#serve(stream), options)
  }

  stop(): void {
    this.#node.protocols.unhandle(perfProtocol)
  }

  async run(target: Connection | DialTarget, options: RunOptions): Promise<PerfResult> {
    const { signal, onProgress } = options
    const wanted = bytesOf('downloadBytes', options.downloadBytes)
    const offered = bytesOf('uploadBytes', options.uploadBytes)
    const stream = await this.#node.connections.openStream(target, perfProtocol, { signal })
    const onAbort = (): void => stream.abort(toError(signal?.reason))
    const watch = new Watch(stream, this.#node.clock, this.#stallTimeoutMs)
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const head = new Uint8Array(8)
      new DataView(head.buffer).setBigUint64(0, wanted)
      stream.send(head)
      const receiving = take(stream, wanted, watch, (bytes) => onProgress?.({ direction: 'download', bytes }))
      // Its failure is that of the upload as well, which is awaited first.
      receiving.catch(() => {})
      const started = this.#now()
      await give(stream, offered, watch, (bytes) => onProgress?.({ direction: 'upload', bytes }))
      await stream.closeWrite()
      const uploaded = this.#now()
      const received = await receiving
      if (BigInt(received) !== wanted) {
        throw new PeerloomError('ERR_UNEXPECTED_END', `${received} of ${wanted} bytes came`, { remote: true })
      }
      return { uploadMs: uploaded - started, downloadMs: this.#now() - uploaded }
    } catch (error) {
      stream.abort(toError(error))
      throw error
    } finally {
      watch.end()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #serve(stream: Stream): Promise<void> {
    const watch = new Watch(stream, this.#node.clock, this.#stallTimeoutMs)
    try {
      const reader = byteReader(stream)
      const head = await reader.read(8)
      const wanted = new DataView(head.buffer, head.byteOffset).getBigUint64(0)
      reader.release()
      if (wanted > this.#maxDownloadBytes) {
        throw new PeerloomError('ERR_LIMIT', `asked for ${wanted} bytes, at most ${this.#maxDownloadBytes} are sent`)
      }
      await take(stream, undefined, watch)
      await give(stream, wanted, watch)
      await stream.close()
    } finally {
      watch.end()
    }
  }
}

function bytesOf(name: string, value: number | bigint): bigint {
  const whole = typeof value === 'bigint' || Number.isSafeInteger(value)
  if (whole && value >= 0 && value < 2n ** 64n) return BigInt(value)
  throw new PeerloomError('ERR_INVALID_ARGUMENT', `${name} is ${value}, it must be a whole number from 0 to 2^64 - 1`)
}
