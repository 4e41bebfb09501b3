import { isMultiaddr, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { kindOf, peerOf } from '@peerloom/addresses'
import { parsePeerId } from '@peerloom/identity'
import {
  type Clock,
  type Connection,
  type ConnectionGater,
  type DialTarget,
  type NodeDialOptions,
  type PeerId,
  PeerloomError,
  type PeerRouting,
  type PeerStore,
  type Transport,
  type Upgrader
} from '@peerloom/interface'
import { abortable } from './abortable.ts'
import { type AttemptOptions, PlaceLost, race, RaceLost } from './attempts.ts'
import type { DialBackoff } from './backoff.ts'
import type { BlackHoleDetector } from './black-hole.ts'
import { DialError, type FailedAttempt, failedAttempt } from './dial-error.ts'
import { rank, type RankedAddress } from './rank.ts'
import { type Dns, needsResolving, resolve } from './resolver.ts'
import { Semaphore } from './semaphore.ts'

export interface DialerOptions {
  /** Bound on a whole dial, in ms. Default 15,000. */
  readonly timeoutMs?: number
  /** Addresses of one peer that are tried at most. Default 25. */
  readonly maxAddresses?: number
  /** Attempts under way at once for one peer. Default 8. */
  readonly parallelPerPeer?: number
  /** How long an attempt may go without a link while other addresses of the peer wait for its place, in ms. Default 3,000. */
  readonly placeMs?: number
  /** Attempts under way at once in all, those through relays counted apart; others wait their turn. Default 160. */
  readonly parallel?: number
  /** Order and timing of attempts. Default: `rank`. */
  readonly rank?: (addresses: readonly Multiaddr[]) => RankedAddress[]
}

export const defaultDialerOptions: Required<DialerOptions> = {
  timeoutMs: 15_000,
  maxAddresses: 25,
  parallelPerPeer: 8,
  placeMs: 3000,
  parallel: 160,
  rank
}

export interface DialerParts {
  readonly self: PeerId
  readonly transports: readonly Transport[]
  readonly upgrader: Upgrader
  readonly peers: PeerStore
  readonly routing: PeerRouting
  readonly dns: Dns
  readonly gater: ConnectionGater
  readonly backoff: DialBackoff
  readonly blackHole: BlackHoleDetector
  readonly clock: Clock
  readonly options: Required<DialerOptions>
}

/** What a dial target comes down to. */
interface Target {
  readonly peer: PeerId | undefined
  /** Addresses that came with the call; empty when they are to be looked up. */
  readonly given: readonly Multiaddr[]
}

/** One dial under way. */
interface Dialling {
  readonly target: Target
  readonly options: NodeDialOptions
  /** Addresses that were looked at, so that each is tried once however it was found. */
  readonly seen: Set<string>
  /** Attempts that may still be made. */
  left: number
  /** Addresses that needed no attempt to fail. */
  readonly refused: FailedAttempt[]
}

/** Parses what `dial` takes. Throws ERR_INVALID_ARGUMENT. */
export function parseTarget(target: DialTarget): Target {
  if (typeof target === 'string') {
    return target.startsWith('/') ? parseTarget(parseAddress(target)) : { peer: parsePeerId(target), given: [] }
  }
  if (isMultiaddr(target)) {
    const peer = peerOf(target)
    return { peer: peer === undefined ? undefined : parsePeerId(peer), given: [target] }
  }
  if (!Array.isArray(target)) return { peer: target as PeerId, given: [] }
  const given = target.map((address: Multiaddr | string) =>
    typeof address === 'string' ? parseAddress(address) : address
  )
  const names = new Set(given.map((address) => peerOf(address)).filter((name) => name !== undefined))
  if (given.length === 0 || names.size > 1) {
    const why = given.length === 0 ? 'no address' : `addresses of several peers: ${[...names].join(', ')}`
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `dial() was given ${why}`)
  }
  const [name] = names
  return { peer: name === undefined ? undefined : parsePeerId(name), given }
}

function parseAddress(text: string): Multiaddr {
  try {
    return multiaddr(text)
  } catch (cause) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `${text} is not a multiaddr`, { cause })
  }
}

/** Gathers a peer's addresses, ranks them and races them. Joins dials to one peer. */
export class Dialer {
  readonly #parts: DialerParts
  readonly #slots: Semaphore
  /** A dial through a relay waits for one to the relay: were they to share, all slots could be held by those that wait. */
  readonly #relayedSlots: Semaphore
  /** Dials that others may join, by peer. */
  readonly #shared = new Map<string, Promise<Connection>>()
  readonly #bounds = new Set<AbortController>()

  constructor(parts: DialerParts) {
    this.#parts = parts
    this.#slots = new Semaphore(parts.options.parallel)
    this.#relayedSlots = new Semaphore(parts.options.parallel)
  }

  /** Dials under way. */
  get pending(): number {
    return this.#bounds.size
  }

  /** Calls off all dials. */
  stop(error: Error): void {
    for (const bound of this.#bounds) bound.abort(error)
  }

  /** A new connection. Rejects with a DialError, ERR_NO_ADDRESSES, ERR_TIMEOUT or the signal's reason. */
  dial(target: Target, options: NodeDialOptions): Promise<Connection> {
    if (target.peer?.equals(this.#parts.self) === true) {
      return Promise.reject(new PeerloomError('ERR_INVALID_ARGUMENT', 'a node cannot dial itself'))
    }
    // Calls that leave the choice of addresses to us share one dial. It is not to end with the signal of one of them.
    const key = target.peer?.toString()
    if (key === undefined || target.given.length > 0) return this.#bounded(target, options)
    const shared = this.#shared.get(key)
    if (shared !== undefined) return abortable(shared, options)
    const dialling = this.#bounded(target, options)
    if (options.signal !== undefined) return dialling
    const joinable = dialling.finally(() => this.#shared.delete(key))
    this.#shared.set(key, joinable)
    return joinable
  }

  async #bounded(target: Target, options: NodeDialOptions): Promise<Connection> {
    const { clock } = this.#parts
    const timeoutMs = options.timeoutMs ?? this.#parts.options.timeoutMs
    options.signal?.throwIfAborted()
    const bound = new AbortController()
    this.#bounds.add(bound)
    const onAbort = (): void => bound.abort(options.signal?.reason)
    options.signal?.addEventListener('abort', onAbort, { once: true })
    const timer = clock.setTimeout(
      () => bound.abort(new PeerloomError('ERR_TIMEOUT', `dialling ${name(target)} took over ${timeoutMs} ms`)),
      timeoutMs
    )
    try {
      return await this.#run(target, options, bound.signal)
    } finally {
      this.#bounds.delete(bound)
      clock.clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
    }
  }

  async #run(target: Target, options: NodeDialOptions, signal: AbortSignal): Promise<Connection> {
    const { gater, options: limits } = this.#parts
    if (target.peer !== undefined && gater.denyDialPeer?.(target.peer.toString()) === true) {
      throw new PeerloomError('ERR_GATED', `the gater refused to dial ${target.peer}`)
    }
    const dial: Dialling = { target, options, seen: new Set(), left: limits.maxAddresses, refused: [] }
    try {
      return await this.#race(await this.#gather(target, signal), dial, signal)
    } catch (error) {
      if (error instanceof RaceLost) throw new DialError(name(target), [...dial.refused, ...error.failures])
      throw error
    }
  }

  /** Races what is usable of the addresses. A name takes part as one of them, and races what it resolves to. */
  #race(addresses: readonly Multiaddr[], dial: Dialling, signal: AbortSignal): Promise<Connection> {
    const { clock, options } = this.#parts
    const ranked = options.rank(addresses.filter((address) => this.#usable(address, dial))).slice(0, dial.left)
    dial.left -= ranked.length
    const dialOne = (address: Multiaddr, attempt: AttemptOptions): Promise<Connection> =>
      this.#isName(address) ? this.#dialName(address, dial, attempt) : this.#dialOne(address, dial, attempt)
    return race(ranked, dialOne, { clock, signal, parallel: options.parallelPerPeer, placeMs: options.placeMs })
  }

  async #gather(target: Target, signal: AbortSignal): Promise<readonly Multiaddr[]> {
    if (target.given.length > 0 || target.peer === undefined) return target.given
    const { peers, routing } = this.#parts
    const known = peers.get(target.peer)?.addresses.map((known) => known.address) ?? []
    if (known.length > 0) return known
    try {
      const found = await abortable(routing.findPeer(target.peer, { signal }), { signal })
      if (found.addresses.length > 0) return found.addresses
    } catch (cause) {
      signal.throwIfAborted()
      throw new PeerloomError('ERR_NO_ADDRESSES', `no address of ${target.peer} is known`, { cause })
    }
    throw new PeerloomError('ERR_NO_ADDRESSES', `no address of ${target.peer} is known`)
  }

  /** Transports that resolve by themselves (WebSocket, for its certificates) get the name. */
  #isName(address: Multiaddr): boolean {
    return needsResolving(address) && !this.#parts.transports.some((transport) => transport.canDial(address))
  }

  /** Sorts out addresses that need no attempt to fail, with the reason. */
  #usable(address: Multiaddr, dial: Dialling): boolean {
    const { transports, gater, backoff, blackHole } = this.#parts
    const { target, options, refused, seen } = dial
    const key = address.toString()
    if (seen.has(key)) return false
    seen.add(key)
    if (this.#isName(address)) return true
    const refuse = (error: PeerloomError): boolean => {
      refused.push(failedAttempt(address, 'connect', error))
      return false
    }
    if (!transports.some((transport) => transport.canDial(address))) {
      return refuse(new PeerloomError('ERR_NO_TRANSPORT', 'no transport dials such an address'))
    }
    if (gater.denyDialAddress?.(address, target.peer?.toString()) === true) {
      return refuse(new PeerloomError('ERR_GATED', 'the gater refused the address'))
    }
    // What the application names itself is tried in any case.
    if (target.given.length > 0 || options.force === true) return true
    const waitMs = backoff.waitMs(key)
    if (waitMs > 0) return refuse(new PeerloomError('ERR_BACKOFF', `failed lately, next try in ${waitMs} ms`))
    if (!blackHole.allow(address)) {
      return refuse(new PeerloomError('ERR_BACKOFF', 'nothing gets through on this kind of address'))
    }
    return true
  }

  async #dialName(address: Multiaddr, dial: Dialling, attempt: AttemptOptions): Promise<Connection> {
    attempt.onStage('resolve')
    dial.options.onProgress?.({ stage: 'resolve', address })
    const keep = (one: Multiaddr): boolean => !this.#isName(one)
    const found = await resolve(address, this.#parts.dns, { signal: attempt.signal, keep })
    return this.#race(found, dial, attempt.signal)
  }

  async #dialOne(address: Multiaddr, dial: Dialling, attempt: AttemptOptions): Promise<Connection> {
    const { transports, upgrader, backoff, blackHole } = this.#parts
    const { target, options } = dial
    const transport = transports.find((one) => one.canDial(address)) as Transport
    const slots = kindOf(address).relayed ? this.#relayedSlots : this.#slots
    const release = await slots.enter(attempt)
    try {
      const connection = await transport.dial(address, {
        upgrader,
        expected: target.peer,
        signal: attempt.signal,
        onStage: (stage) => {
          attempt.onStage(stage)
          options.onProgress?.({ stage, address })
        }
      })
      backoff.succeeded(address.toString())
      blackHole.record(address, true)
      return connection
    } catch (error) {
      // An attempt that was called off says nothing about its address, unless it was for finding no link.
      if (!attempt.signal.aborted || attempt.signal.reason instanceof PlaceLost) {
        backoff.failed(address.toString())
        if (kindOf(address).scope === 'public') blackHole.record(address, false)
      }
      throw error
    } finally {
      release()
    }
  }
}

const name = (target: Target): string => target.peer?.toString() ?? target.given.join(', ')
