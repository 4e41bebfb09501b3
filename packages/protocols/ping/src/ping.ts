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

/** The one ping stream of a connection, while somebody pings. */
interface Line {
  readonly connection: Connection
  users: number
  exchange: PingExchange | undefined
  opening: Promise<PingExchange> | undefined
}

/** The ping specification: a dialler must not keep more than one stream, a listener should take two at most. */
export class Ping implements PingService, Startable {
  readonly #node: NodeContext
  readonly #timeoutMs: number
  readonly #maxInboundStreams: number
  readonly #lines = new Map<Connection, Line>()

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
    options.signal?.throwIfAborted()
    const line = this.#join(isConnection(target) ? target : await this.#node.connections.dial(target, options))
    try {
      const exchange = line.exchange ?? (await this.#open(line, options))
      return await exchange.ping(this.#timeoutMs, options)
    } finally {
      this.#leave(line)
    }
  }

  async *pings(target: Connection | DialTarget, options: PingsOptions = {}): AsyncIterable<number> {
    const { signal, count = Number.POSITIVE_INFINITY, intervalMs = 1000 } = options
    signal?.throwIfAborted()
    const line = this.#join(isConnection(target) ? target : await this.#node.connections.dial(target, { signal }))
    try {
      const exchange = line.exchange ?? (await this.#open(line, options))
      for (let sent = 0; sent < count; sent++) {
        if (sent > 0) await this.#pause(intervalMs, options)
        yield await exchange.ping(this.#timeoutMs, options)
      }
    } finally {
      this.#leave(line)
    }
  }

  /** The line that others use already, or a new one. */
  #join(connection: Connection): Line {
    let line = this.#lines.get(connection)
    if (line === undefined) {
      line = { connection, users: 0, exchange: undefined, opening: undefined }
      this.#lines.set(connection, line)
    }
    line.users++
    return line
  }

  #leave(line: Line): void {
    if (--line.users > 0) return
    this.#forget(line)
    line.exchange?.close()
  }

  /** Who pings next opens a stream anew. */
  #forget(line: Line): void {
    if (this.#lines.get(line.connection) === line) this.#lines.delete(line.connection)
  }

  #open(line: Line, options: AbortOptions): Promise<PingExchange> {
    line.opening ??= this.#openStream(line)
    return options.signal === undefined ? line.opening : waitFor(line.opening, options.signal)
  }

  async #openStream(line: Line): Promise<PingExchange> {
    const { random, clock } = this.#node
    const onOver = (): void => this.#forget(line)
    try {
      const stream = await line.connection.openStream(pingProtocol, { allowLimited: true })
      line.exchange = new PingExchange(stream, { random, clock, onOver })
    } catch (error) {
      onOver()
      throw error
    }
    // All who waited for it may have given up.
    if (line.users === 0) line.exchange.close()
    return line.exchange
  }

  async #pause(ms: number, { signal }: AbortOptions): Promise<void> {
    const { clock } = this.#node
    let wake: (() => void) | undefined
    const timer = clock.setTimeout(() => wake?.(), ms)
    const waiting = new Promise<void>((resolve) => (wake = resolve))
    try {
      await (signal === undefined ? waiting : waitFor(waiting, signal))
    } finally {
      clock.clearTimeout(timer)
    }
  }
}

const isConnection = (target: Connection | DialTarget): target is Connection =>
  typeof target === 'object' && 'openStream' in target

/** One caller's wait ends with its signal; the work goes on for the others. */
function waitFor<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(toError(signal.reason))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Sends back what comes, no faster than the remote takes it. */
function echo(stream: Stream): void {
  stream.attach({
    data(bytes) {
      if (!stream.send(bytes)) stream.pause()
    },
    drain: () => stream.resume(),
    end: () => void stream.close().catch(() => {}),
    closed: () => {}
  })
}
