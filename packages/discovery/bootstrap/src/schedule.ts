import type { PeerId } from '@peerloom/interface'
import type { Entry } from './target.ts'

export interface ScheduleOptions {
  readonly minConnections: number
  readonly parallelDials: number
  readonly firstDelayMs: number
  readonly maxDelayMs: number
  /** A number from 0 up to 1. */
  readonly random: () => number
}

/** An entry with how it went so far. */
export interface Target extends Entry {
  addresses: Entry['addresses']
  /** Found out by dialling when the address does not say. */
  peer: PeerId | undefined
  tries: number
  triedAt: number
  /** Not to be tried before. */
  nextAt: number
  dialling: boolean
}

export interface Plan {
  /** To be dialled now. */
  readonly dial: readonly Target[]
  /** When to ask again, unless a dial ends or a connection closes before. */
  readonly againAt: number | undefined
}

/** Whom to dial and when: nobody while there are connections enough, each with growing pauses. Pure. */
export class Schedule {
  readonly #options: ScheduleOptions
  readonly #targets = new Map<string, Target>()
  #dialling = 0

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  /** A new target, or more addresses of one that is known. */
  add(entry: Entry): void {
    const known = this.#targets.get(entry.key)
    if (known === undefined) {
      this.#targets.set(entry.key, { ...entry, tries: 0, triedAt: 0, nextAt: 0, dialling: false })
      return
    }
    const more = entry.addresses.filter((address) => !known.addresses.some((one) => one.equals(address)))
    known.addresses = [...known.addresses, ...more]
  }

  plan(now: number, connections: number, isConnected: (peer: PeerId) => boolean): Plan {
    const { minConnections, parallelDials } = this.#options
    const lacking = minConnections - connections - this.#dialling
    if (lacking <= 0) return { dial: [], againAt: undefined }
    const candidates = [...this.#targets.values()].filter(
      ({ dialling, peer }) => !dialling && (peer === undefined || !isConnected(peer))
    )
    const room = Math.min(lacking, parallelDials - this.#dialling)
    const dial = this.#ordered(candidates.filter(({ nextAt }) => nextAt <= now)).slice(0, Math.max(0, room))
    for (const target of dial) this.#begin(target, now)
    // The end of a dial is a reason to ask again; nobody needs a timer for that.
    const waiting = candidates.filter((target) => !dial.includes(target)).map(({ nextAt }) => nextAt)
    const againAt = lacking > dial.length && this.#dialling < parallelDials ? Math.min(...waiting) : Infinity
    return { dial, againAt: Number.isFinite(againAt) ? againAt : undefined }
  }

  /** The dial is over; `peer` is who answered. */
  end(target: Target, peer: PeerId | undefined): void {
    if (target.dialling) this.#dialling--
    target.dialling = false
    target.peer ??= peer
  }

  /** The pause counts from the beginning of a try, also of one that succeeds: the peer may hang up at once. */
  #begin(target: Target, now: number): void {
    const { firstDelayMs, maxDelayMs, random } = this.#options
    // One that was left alone for long, or stayed connected for long, starts over.
    if (now - target.triedAt > 2 * maxDelayMs) target.tries = 0
    const delayMs = Math.min(firstDelayMs * 2 ** Math.min(target.tries, 52), maxDelayMs)
    target.tries++
    target.triedAt = now
    target.nextAt = now + delayMs * (0.5 + random())
    target.dialling = true
    this.#dialling++
  }

  /** Those with fewest tries first, and among them in any order, so that not everybody starts with the same peer. */
  #ordered(targets: readonly Target[]): Target[] {
    return targets
      .map((target) => ({ target, luck: this.#options.random() }))
      .toSorted((a, b) => a.target.tries - b.target.tries || a.luck - b.luck)
      .map(({ target }) => target)
  }
}
