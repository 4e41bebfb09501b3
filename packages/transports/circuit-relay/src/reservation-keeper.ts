export interface KeeperOptions {
  /** Relays that may be known at once. */
  readonly maxCandidates: number
  /** Waits after failures: doubling from the first to the last, each with up to a half of it added or taken away. */
  readonly firstBackoffMs: number
  readonly lastBackoffMs: number
  /** From 0 to below 1. */
  readonly random: () => number
}

/** - `idle`: not asked; - `asking`: for the first time; - `held`; - `renewing`: held, and asked for more time */
type RelayStatus = 'idle' | 'asking' | 'held' | 'renewing'

interface Relay {
  /** It is to be held whatever others are; it need not be connected to be asked. */
  isStatic: boolean
  /** It is connected, or was found otherwise to be worth asking. */
  isOffered: boolean
  status: RelayStatus
  /** While held: when it ends, and when to ask for more time. */
  expiresAt: number
  renewAt: number
  /** Since when it is held. */
  heldSince: number
  failures: number
  /** Not asked before. */
  notBefore: number
  /** The last time it was asked: answers to others come too late. */
  attempt: number
}

export interface Ask {
  readonly relay: string
  /** Comes back with the answer. */
  readonly attempt: number
}

export interface KeeperStep {
  /** Relays to ask now; each is answered with `granted` or `failed`. */
  readonly ask: readonly Ask[]
  /** Relays whose reservation has run out. */
  readonly ended: readonly string[]
  /** There are fewer reservations than wanted, and nobody left to ask. */
  readonly isShort: boolean
  /** When to come again, if nothing happens before. */
  readonly wakeAt: number | undefined
}

/** A reservation that lasted this long was no failure. */
const settledMs = 60_000
/** Part of its time after which a reservation is renewed: somewhere between these. */
const renewFrom = 0.6
const renewTo = 0.8

/**
 * Keeps reservations at relays, pure: told what happens and what time it is, it says whom to ask. Static relays are all to be
 * held; others as many as are wanted beside those. Renewals come well before the end, each at a time of its own; a relay that
 * drops us or refuses is left alone for a while, and another one asked at once.
 */
export class ReservationKeeper {
  readonly #options: KeeperOptions
  readonly #relays = new Map<string, Relay>()
  #wanted = 0

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** How many reservations there should be, static relays included. */
  setWanted(count: number): void {
    this.#wanted = count
  }

  addStatic(name: string): void {
    this.#relay(name).isStatic = true
  }

  removeStatic(name: string): void {
    const relay = this.#relays.get(name)
    if (relay !== undefined) relay.isStatic = false
    this.#tidy(name)
  }

  /** There is a relay to ask. Ignored when too many are known. */
  offer(name: string): void {
    if (!this.#relays.has(name) && this.#relays.size >= this.#options.maxCandidates) return
    this.#relay(name).isOffered = true
  }

  /** The relay is gone, and with it what it granted. True when that was something. */
  withdraw(name: string, now: number): boolean {
    const relay = this.#relays.get(name)
    if (relay === undefined) return false
    const wasHeld = isHeld(relay)
    relay.isOffered = false
    if (wasHeld) {
      relay.status = 'idle'
      // Who drops us is asked again at once, but not again and again.
      if (now - relay.heldSince >= settledMs) relay.failures = 0
      if (relay.failures > 0) relay.notBefore = now + this.#backoffMs(relay.failures - 1)
      relay.failures++
    }
    this.#tidy(name)
    return wasHeld
  }

  /** False when the answer comes too late to be of use. */
  granted({ relay: name, attempt }: Ask, expiresAt: number, now: number): boolean {
    const relay = this.#relays.get(name)
    if (relay?.attempt !== attempt || !isAsked(relay)) return false
    if (relay.status === 'asking') relay.heldSince = now
    else relay.failures = 0
    relay.status = 'held'
    relay.expiresAt = expiresAt
    relay.renewAt = now + (expiresAt - now) * (renewFrom + (renewTo - renewFrom) * this.#options.random())
    return true
  }

  /** `refused`: the relay said no, so what it granted before is not counted on. True when a reservation ended. */
  failed({ relay: name, attempt }: Ask, refused: boolean, now: number): boolean {
    const relay = this.#relays.get(name)
    if (relay?.attempt !== attempt || !isAsked(relay)) return false
    relay.notBefore = now + this.#backoffMs(relay.failures)
    relay.failures++
    const wasHeld = relay.status === 'renewing'
    if (wasHeld && !refused && relay.expiresAt > now) {
      relay.status = 'held'
      // Once more in good time before the end.
      relay.renewAt = Math.min(relay.notBefore, now + (relay.expiresAt - now) / 2)
      return false
    }
    relay.status = 'idle'
    this.#tidy(name)
    return wasHeld
  }

  step(now: number): KeeperStep {
    const ask: Ask[] = []
    const ended: string[] = []
    let wakeAt = Infinity
    let have = 0
    const others: [string, Relay][] = []
    for (const [name, relay] of this.#relays) {
      const isWanted = relay.isStatic || this.#wanted > 0
      if (!isWanted || (isHeld(relay) && relay.expiresAt <= now)) {
        if (isHeld(relay)) ended.push(name)
        relay.status = 'idle'
      }
      if (relay.status === 'held' && relay.renewAt <= now) ask.push(this.#begin(relay, name, 'renewing'))
      if (relay.status !== 'idle') {
        have++
        if (isHeld(relay)) wakeAt = Math.min(wakeAt, relay.status === 'held' ? relay.renewAt : relay.expiresAt)
      } else if (relay.isStatic) {
        if (relay.notBefore <= now) {
          ask.push(this.#begin(relay, name, 'asking'))
          have++
        } else {
          wakeAt = Math.min(wakeAt, relay.notBefore)
        }
      } else if (relay.isOffered) {
        others.push([name, relay])
      } else if (relay.notBefore <= now) {
        this.#relays.delete(name)
      }
    }
    const ready = others.filter(([, relay]) => relay.notBefore <= now)
    while (have < this.#wanted && ready.length > 0) {
      const [[name, relay]] = ready.splice(Math.floor(this.#options.random() * ready.length), 1) as [[string, Relay]]
      ask.push(this.#begin(relay, name, 'asking'))
      have++
    }
    const isShort = have < this.#wanted
    if (isShort) for (const [, relay] of others) if (relay.notBefore > now) wakeAt = Math.min(wakeAt, relay.notBefore)
    return { ask, ended, isShort, wakeAt: wakeAt === Infinity ? undefined : wakeAt }
  }

  /** Whether the relay serves us, or is being asked to. */
  knows(name: string): boolean {
    return (this.#relays.get(name)?.status ?? 'idle') !== 'idle'
  }

  inspect(): {
    relay: string
    status: RelayStatus
    isStatic: boolean
    failures: number
    expiresAt: number | undefined
  }[] {
    return [...this.#relays].map(([relay, { status, isStatic, failures, ...one }]) => ({
      relay,
      status,
      isStatic,
      failures,
      expiresAt: isHeld({ status }) ? one.expiresAt : undefined
    }))
  }

  #begin(relay: Relay, name: string, status: 'asking' | 'renewing'): Ask {
    relay.status = status
    return { relay: name, attempt: ++relay.attempt }
  }

  #backoffMs(failures: number): number {
    const { firstBackoffMs, lastBackoffMs, random } = this.#options
    return Math.min(firstBackoffMs * 2 ** Math.min(failures, 30), lastBackoffMs) * (0.5 + random())
  }

  #relay(name: string): Relay {
    let relay = this.#relays.get(name)
    if (relay === undefined) {
      relay = {
        isStatic: false,
        isOffered: false,
        status: 'idle',
        expiresAt: 0,
        renewAt: 0,
        heldSince: 0,
        failures: 0,
        notBefore: 0,
        attempt: 0
      }
      this.#relays.set(name, relay)
    }
    return relay
  }

  /** Forgets relays that are nothing to us any more; those that failed when they may be asked again. */
  #tidy(name: string): void {
    const relay = this.#relays.get(name)
    if (relay === undefined || relay.status !== 'idle' || relay.failures > 0) return
    if (!relay.isStatic && !relay.isOffered) this.#relays.delete(name)
  }
}

const isHeld = ({ status }: Pick<Relay, 'status'>): boolean => status === 'held' || status === 'renewing'
const isAsked = ({ status }: Pick<Relay, 'status'>): boolean => status === 'asking' || status === 'renewing'
