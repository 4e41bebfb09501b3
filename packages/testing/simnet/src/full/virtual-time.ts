import { type Clock, PeerloomError, type Timer } from '@peerloom/interface'
import { useTurns } from '@peerloom/streams'
import { EventLog } from '../engine/event-log.ts'
import { EventWheel } from '../engine/event-wheel.ts'

/** Where virtual clocks start, unless told otherwise: 2026-01-01. */
const defaultStartMs = Date.UTC(2026, 0, 1)
/** Turns without a step of time: as many are no work, but two parts that keep each other busy. */
const mostTurns = 1_000_000
const longestDelayMs = 2 ** 31 - 1

class VirtualTimer {
  callback: (() => void) | undefined
  readonly at: number

  constructor(callback: () => void, at: number) {
    this.callback = callback
    this.at = at
  }
}

/**
 * The clock of a simulation in which whole nodes live. Its time goes on only when nothing is left to do: no promise to settle,
 * no turn to end. So what takes place is the same in every run, however slow the machine, as long as nothing waits for the
 * real world: sockets, files, real timers, cryptography in threads (on Node, Noise and Ed25519 have none).
 *
 * One at a time in a process: turns of the event loop are its own until `dispose`.
 */
export class VirtualTime implements Clock {
  readonly log: EventLog = new EventLog()
  readonly #startMs: number
  readonly #wheel = new EventWheel()
  readonly #calls: (VirtualTimer | undefined)[] = []
  readonly #free: number[] = []
  #turns: (() => void)[] = []

  constructor(startMs: number = defaultStartMs) {
    this.#startMs = startMs
    useTurns((callback) => void this.#turns.push(callback))
  }

  /** Gives turns back to the platform. What waits, waits for ever. */
  [Symbol.dispose](): void {
    useTurns(undefined)
  }

  /** Whole ms since the epoch. */
  now(): number {
    return this.#startMs + Math.floor(this.#wheel.now / 1000)
  }

  /** Microseconds since the start. */
  get nowUs(): number {
    return this.#wheel.now
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const delay = Number.isFinite(delayMs) ? Math.min(Math.max(delayMs, 0), longestDelayMs) : longestDelayMs
    return this.at(this.#wheel.now + Math.round(delay * 1000), callback)
  }

  clearTimeout(timer: Timer | undefined): void {
    // Its event comes to nothing; what it held is free at once.
    if (timer instanceof VirtualTimer) timer.callback = undefined
  }

  /** Calls back at a time in microseconds since the start. */
  at(timeUs: number, callback: () => void): Timer {
    const timer = new VirtualTimer(callback, timeUs)
    const ref = this.#free.pop() ?? this.#calls.length
    this.#calls[ref] = timer
    this.#wheel.push(timeUs, 1, 0, 0, ref)
    return timer
  }

  /** Lets so much time pass. */
  async run(forMs: number): Promise<void> {
    const untilUs = this.#wheel.now + Math.round(forMs * 1000)
    await this.#settle()
    for (let next = this.#next(untilUs); next !== undefined; next = this.#next(untilUs)) {
      this.#wheel.run(next, this.#fire)
      await this.#settle()
    }
    this.#wheel.run(untilUs, this.#fire)
  }

  /** Lets time pass until the promise settles. Rejects with ERR_TIMEOUT when that takes more than so much of it. */
  async until<T>(promise: PromiseLike<T>, withinMs = 60_000): Promise<T> {
    let isSettled = false
    const settled = (): void => void (isSettled = true)
    void promise.then(settled, settled)
    const untilUs = this.#wheel.now + Math.round(withinMs * 1000)
    await this.#settle()
    while (!isSettled) {
      const next = this.#next(untilUs)
      if (next === undefined) {
        throw new PeerloomError(
          'ERR_TIMEOUT',
          `nothing more happens in ${withinMs} ms of virtual time that it could wait for`
        )
      }
      this.#wheel.run(next, this.#fire)
      await this.#settle()
    }
    return promise
  }

  #next(untilUs: number): number | undefined {
    const next = this.#wheel.peek()
    return next !== undefined && next <= untilUs ? next : undefined
  }

  readonly #fire = (_kind: number, _to: number, _from: number, ref: number): void => {
    const { callback } = this.#calls[ref] as VirtualTimer
    this.#calls[ref] = undefined
    this.#free.push(ref)
    callback?.()
  }

  /** Lets everything come to rest that needs no time. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < mostTurns; turn++) {
      // A turn of the real loop: all promises that can settle have settled behind it.
      await realTurn()
      if (this.#turns.length === 0) return
      const turns = this.#turns
      this.#turns = []
      for (const callback of turns) callback()
    }
    throw new PeerloomError('ERR_LIMIT', `${mostTurns} turns of the event loop without a step of time`)
  }
}

const realTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
