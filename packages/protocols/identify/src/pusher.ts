import { type Connection, type NodeContext, PeerloomError, type Timer, toError } from '@peerloom/interface'
import type { OwnMessage } from './own-message.ts'

export const pushProtocol = '/ipfs/id/push/1.0.0'

export interface PusherOptions {
  readonly timeoutMs: number
  readonly pushDelayMs: number
  readonly maxParallelPushes: number
}

/** Tells connected peers when what we say of ourselves has changed. Changes that come together are one push. */
export class Pusher {
  readonly #node: NodeContext
  readonly #options: PusherOptions
  readonly #own: OwnMessage
  readonly #stopping = new AbortController()
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  /** There was a change while peers were being told of the one before. */
  #again = false

  constructor(node: NodeContext, own: OwnMessage, options: PusherOptions) {
    this.#node = node
    this.#own = own
    this.#options = options
  }

  schedule(): void {
    this.#timer ??= this.#node.clock.setTimeout(() => {
      this.#timer = undefined
      this.#again = true
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined
      })
    }, this.#options.pushDelayMs)
  }

  /** What is under way is given up. */
  async stop(): Promise<void> {
    this.#node.clock.clearTimeout(this.#timer)
    this.#stopping.abort(new PeerloomError('ERR_STOPPED', 'identify is stopped'))
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopping.signal.aborted) {
      this.#again = false
      if (this.#own.hasNews()) await this.#pushAll()
    }
  }

  /** A peer that does not listen is its own loss. */
  async #pushAll(): Promise<void> {
    const waiting = this.#listeners()
    const worker = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined && !this.#stopping.signal.aborted; next = waiting.pop()) {
        try {
          await this.#push(next)
        } catch (error) {
          const scope = this.#node.log('identify')
          if (scope.enabled) scope.debug('push to %s failed', next.remotePeer.toString(), error)
        }
      }
    }
    const workers = Math.min(this.#options.maxParallelPushes, waiting.length)
    await Promise.all(Array.from({ length: workers }, worker))
  }

  /** One connection of each peer that understands pushes: the newest, but no limited one if there is another. */
  #listeners(): Connection[] {
    const { connections, peers } = this.#node
    const chosen = new Map<string, Connection>()
    for (const connection of connections.list()) {
      const key = connection.remotePeer.toString()
      if (connection.limits !== undefined && chosen.get(key)?.limits === undefined && chosen.has(key)) continue
      chosen.set(key, connection)
    }
    return [...chosen.values()].filter(
      ({ remotePeer }) => peers.get(remotePeer)?.protocols.includes(pushProtocol) === true
    )
  }

  async #push(connection: Connection): Promise<void> {
    if (connection.status !== 'open') return
    const { timeoutMs } = this.#options
    const { signal } = this.#stopping
    const { clock } = this.#node
    const started = clock.now()
    const stream = await connection.openStream(pushProtocol, { timeoutMs, signal, allowLimited: true })
    const bound = clock.setTimeout(
      () => stream.abort(new PeerloomError('ERR_TIMEOUT', `push took over ${timeoutMs} ms`)),
      timeoutMs - (clock.now() - started)
    )
    try {
      await stream.write(await this.#own.framesFor(connection), { signal })
      await stream.close({ signal })
    } catch (error) {
      stream.abort(toError(error))
      throw error
    } finally {
      clock.clearTimeout(bound)
    }
  }
}
