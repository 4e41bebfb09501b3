import type { AbortOptions, Connection, DialTarget, NodeContext, Startable, Stream } from '@peerloom/interface'
import { toError } from '@peerloom/interface'
import { PingExchange } from './exchange.ts'

const pingProtocol = '/ipfs/ping/1.0.0'

export interface PingOptions {
  /** Bound on the answer to one ping, in ms. Default 10,000. */
  readonly timeoutMs?: number
  /** Inbound ping streams of one peer. Default 2. */
  readonly maxInboundStreams?: number
}

export interface PingsOptions extends AbortOptions {
  /** How many. Default: until the loop is left. */
  readonly count?: number
  /** Between an answer and the next ping. Default 1,000. */
  readonly intervalMs?: number
}

export interface PingService {
  /** One round trip, in ms. Rejects with ERR_TIMEOUT, ERR_PROTOCOL_VIOLATION, and what dialling throws. */
  ping(target: Connection | DialTarget, options?: AbortOptions): Promise<number>
  /** Round trips in ms, one after another over one stream. */
  pings(target: Connection | DialTarget, options?: PingsOptions): AsyncIterable<number>
}

export class Ping implements PingService, Startable {
  readonly #node: NodeContext
  readonly #timeoutMs: number
  readonly #maxInboundStreams: number

  constructor(node: NodeContext, options: PingOptions) {
    this.#node = node
    this.#timeoutMs = options.timeoutMs ?? 10_000
    this.#maxInboundStreams = options.maxInboundStreams ?? 2
  }

  start(): void {
    const options = { maxInboundStreams: this.#maxInboundStreams, allowLimited: true }
    this.#node.protocols.handle(pingProtocol, echo, options)
  }

  stop(): void {
    this.#node.protocols.unhandle(pingProtocol)
  }

  async ping(target: Connection | DialTarget, options: AbortOptions = {}): Promise<number> {
    const stream = await this.#open(target, options)
    const exchange = this.#exchange(stream)
    const onAbort = (): void => stream.abort(toError(options.signal?.reason))
    options.signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await exchange.ping(this.#timeoutMs)
    } finally {
      options.signal?.removeEventListener('abort', onAbort)
      hangUp(stream)
    }
  }

  async *pings(target: Connection | DialTarget, options: PingsOptions = {}): AsyncIterable<number> {
    const { signal, count = Number.POSITIVE_INFINITY, intervalMs = 1000 } = options
    const stream = await this.#open(target, options)
    const exchange = this.#exchange(stream)
    const onAbort = (): void => stream.abort(toError(signal?.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      for (let sent = 0; sent < count; sent++) {
        if (sent > 0) await this.#pause(intervalMs, options)
        yield await exchange.ping(this.#timeoutMs)
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
      hangUp(stream)
    }
  }

  #exchange(stream: Stream): PingExchange {
    return new PingExchange(stream, this.#node.random, this.#node.clock)
  }

  #open(target: Connection | DialTarget, options: AbortOptions): Promise<Stream> {
    const { signal } = options
    return this.#node.connections.openStream(target, pingProtocol, { signal, allowLimited: true })
  }

  #pause(ms: number, { signal }: AbortOptions): Promise<void> {
    const { clock } = this.#node
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      const onAbort = (): void => {
        clock.clearTimeout(timer)
        reject(toError(signal?.reason))
      }
      if (signal?.aborted === true) onAbort()
      else signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
}

/** Closing is a courtesy: the round trip is measured, or the stream is lost. */
function hangUp(stream: Stream): void {
  stream.close().catch(() => {})
}

/** Sends back what comes, no faster than the remote takes it. */
function echo(stream: Stream): void {
  stream.attach({
    data(bytes) {
      if (!stream.send(bytes)) stream.pause()
    },
    drain: () => stream.resume(),
    end: () => hangUp(stream),
    closed: () => {}
  })
}
