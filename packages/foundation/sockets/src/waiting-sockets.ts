import type { Clock, Timer } from '@peerloom/interface'
import type { Socket } from 'node:net'
import { resetSocket } from './reset-socket.ts'

export interface WaitingSocketsOptions {
  readonly clock: Clock
  /** Sockets that wait at once; one more ends the one that has waited longest. */
  readonly max: number
  /** How long each may wait, in ms. */
  readonly timeoutMs: number
}

/**
 * Accepted sockets that have yet to say something (rule R8): bounded in number and in time. Whoever says nothing is in
 * front, so a flood of silent sockets pushes out its own.
 */
export class WaitingSockets {
  readonly #options: WaitingSocketsOptions
  /** Deadlines by socket, earliest first: all wait equally long. */
  readonly #deadlines = new Map<Socket, number>()
  #timer: Timer | undefined

  constructor(options: WaitingSocketsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#deadlines.size
  }

  add(socket: Socket): void {
    const { clock, max, timeoutMs } = this.#options
    if (this.#deadlines.size >= max) this.#endOldest()
    this.#deadlines.set(socket, clock.now() + timeoutMs)
    this.#timer ??= clock.setTimeout(this.#onTimer, timeoutMs)
  }

  /** The socket has said what it was to say, or is gone. */
  remove(socket: Socket): void {
    if (!this.#deadlines.delete(socket) || this.#deadlines.size > 0) return
    this.#options.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Ends all that wait. */
  close(): void {
    while (this.#deadlines.size > 0) this.#endOldest()
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    const { clock } = this.#options
    const now = clock.now()
    for (const [, deadline] of this.#deadlines) {
      if (deadline > now) {
        this.#timer = clock.setTimeout(this.#onTimer, deadline - now)
        return
      }
      this.#endOldest()
    }
  }

  #endOldest(): void {
    const [socket] = this.#deadlines.keys()
    if (socket === undefined) return
    this.remove(socket)
    resetSocket(socket)
  }
}
