import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type AbortOptions,
  type Clock,
  type Connection,
  type DialStage,
  PeerloomError,
  type Timer,
  toError
} from '@peerloom/interface'
import { type FailedAttempt, failedAttempt } from './dial-error.ts'
import type { RankedAddress } from './rank.ts'

export interface AttemptOptions {
  readonly signal: AbortSignal
  onStage(stage: DialStage): void
}

/** Dials one address, telling the stage it gets to. May be a race itself, and reject with RaceLost. */
export type DialOne = (address: Multiaddr, options: AttemptOptions) => Promise<Connection>

export interface RaceOptions extends AbortOptions {
  readonly clock: Clock
  /** Attempts that may be under way at once. */
  readonly parallel: number
  /** How long an attempt may go without a link while others wait for its place, in ms. */
  readonly placeMs: number
}

/** An attempt under way. */
interface Attempt {
  readonly control: AbortController
  readonly startedAt: number
  stage: DialStage
}

/**
 * Races ranked addresses: each starts at its delay, or as soon as all before it have failed; the first connection wins,
 * the other attempts are aborted and what they may still bring is closed. An attempt that gets no link gives its place up
 * when others wait for one, so that dead addresses do not keep good ones from their turn. Rejects with the list of failures.
 */
export function race(ranked: readonly RankedAddress[], dialOne: DialOne, options: RaceOptions): Promise<Connection> {
  const { clock, signal, parallel, placeMs } = options
  return new Promise((resolve, reject) => {
    const failures: FailedAttempt[] = []
    const running = new Set<Attempt>()
    const startedAt = clock.now()
    let next = 0
    let timer: Timer | undefined
    let settled = false

    const settle = (): void => {
      settled = true
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = (): void => {
      settle()
      for (const { control } of running) control.abort(signal?.reason)
      reject(toError(signal?.reason))
    }
    const schedule = (): void => {
      clock.clearTimeout(timer)
      timer = undefined
      while (!settled && next < ranked.length) {
        if (running.size >= parallel) {
          waitForPlace()
          return
        }
        const { address, delayMs } = ranked[next] as RankedAddress
        const waitMs = running.size === 0 ? 0 : startedAt + delayMs - clock.now()
        if (waitMs > 0) {
          timer = clock.setTimeout(schedule, waitMs)
          return
        }
        next++
        start(address)
      }
      if (!settled && running.size === 0 && next >= ranked.length) {
        settle()
        reject(new RaceLost(failures))
      }
    }
    const waitForPlace = (): void => {
      // The set is in the order of their start.
      const oldest = [...running].find(({ stage, control }) => isLinking(stage) && !control.signal.aborted)
      if (oldest === undefined) return
      const waitMs = oldest.startedAt + placeMs - clock.now()
      if (waitMs > 0) timer = clock.setTimeout(schedule, waitMs)
      else oldest.control.abort(new PlaceLost(placeMs))
    }
    const start = (address: Multiaddr): void => {
      const attempt: Attempt = { control: new AbortController(), startedAt: clock.now(), stage: 'connect' }
      running.add(attempt)
      dialOne(address, { signal: attempt.control.signal, onStage: (stage) => (attempt.stage = stage) }).then(
        (connection) => {
          running.delete(attempt)
          if (settled) {
            connection.abort(new PeerloomError('ERR_ABORTED', 'another address was faster'))
            return
          }
          settle()
          for (const { control } of running) {
            control.abort(new PeerloomError('ERR_ABORTED', 'another address was faster'))
          }
          resolve(connection)
        },
        (error: unknown) => {
          running.delete(attempt)
          if (settled) return
          if (error instanceof RaceLost) failures.push(...error.failures)
          else failures.push(failedAttempt(address, attempt.stage, toError(error)))
          schedule()
        }
      )
    }

    if (signal?.aborted === true) {
      reject(toError(signal.reason))
      return
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    schedule()
  })
}

const isLinking = (stage: DialStage): boolean => stage === 'resolve' || stage === 'connect'

/** Why an attempt that found no link in time was called off. */
export class PlaceLost extends PeerloomError {
  constructor(placeMs: number) {
    super('ERR_TIMEOUT', `no link within ${placeMs} ms, and others wait`)
  }
}

/** All attempts of a race failed. Internal: the dialler turns it into a DialError. */
export class RaceLost extends Error {
  readonly failures: readonly FailedAttempt[]

  constructor(failures: readonly FailedAttempt[]) {
    super('no attempt succeeded')
    this.failures = failures
  }
}
