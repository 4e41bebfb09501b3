import { isMultiaddr, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
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
  toError,
  type Upgrader
} from '@peerloom/interface'
import { kindOf, peerOf } from './address-kind.ts'
import { race, RaceLost } from './attempts.ts'
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
  /** Attempts under way at once in all; others wait their turn. Default 160. */
  readonly parallel?: number
  /** Order and timing of attempts. Default: `rank`. */
  readonly rank?: (addresses: readonly Multiaddr[]) => RankedAddress[]
}

export const defaultDialerOptions: Required<DialerOptions> = {
  timeoutMs: 15_000,
  maxAddresses: 25,
  parallelPerPeer: 8,
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
  const names = new Set(target.map((address: Multiaddr) => peerOf(address)).filter((name) => name !== undefined))
  if (target.length === 0 || names.size > 1) {
    const why = target.length === 0 ? 'no address' : `addresses of several peers: ${[...names].join(', ')}`
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `dial() was given ${why}`)
  }
  const [name] = names
  return { peer: name === undefined ? undefined : parsePeerId(name), given: target as readonly Multiaddr[] }
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
  readonly #pending = new Map<string, Promise<Connection>>()

  constructor(parts: DialerParts) {
    this.#parts = parts
    this.#slots = new Semaphore(parts.options.parallel)
  }

  /** Dials under way. */
  get pending(): number {
    return this.#pending.size
  }

  /** A new connection. Rejects with a DialError, ERR_NO_ADDRESSES, ERR_TIMEOUT or the signal's reason. */
  dial(target: Target, options: NodeDialOptions): Promise<Connection> {
    if (target.peer?.equals(this.#parts.self) === true) {
      return Promise.reject(new PeerloomError('ERR_INVALID_ARGUMENT', 'a node cannot dial itself'))
    }
    // Joining is for calls that leave the choice of addresses to us and can be waited for alike.
    const key = target.peer?.toString()
    const joinable = key !== undefined && target.given.length === 0 && options.signal === undefined
    const pending = joinable ? this.#pending.get(key) : undefined
    if (pending !== undefined) return pending
    const dialling = this.#bounded(target, options)
    if (!joinable) return dialling
    const joined = dialling.finally(() => this.#pending.delete(key))
    this.#pending.set(key, joined)
    return joined
  }

  async #bounded(target: Target, options: NodeDialOptions): Promise<Connection> {
    const { clock } = this.#parts
    const timeoutMs = options.timeoutMs ?? this.#parts.options.timeoutMs
    options.signal?.throwIfAborted()
    const bound = new AbortController()
    const onAbort = (): void => bound.abort(options.signal?.reason)
    options.signal?.addEventListener('abort', onAbort, { once: true })
    const timer = clock.setTimeout(
      () => bound.abort(new PeerloomError('ERR_TIMEOUT', `dialling ${name(target)} took over ${timeoutMs} ms`)),
      timeoutMs
    )
    try {
      return await this.#run(target, options, bound.signal)
    } finally {
      clock.clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
    }
  }

  async #run(target: Target, options: NodeDialOptions, signal: AbortSignal): Promise<Connection> {
    const { clock, options: limits } = this.#parts
    const refused: FailedAttempt[] = []
    const found = await this.#gather(target, signal)
    const resolved = await this.#resolve(found, refused, options, signal)
    const usable = resolved.filter((address) => this.#usable(address, target, options, refused))
    const ranked = limits.rank(usable.slice(0, limits.maxAddresses))
    try {
      return await race(ranked, (address, attempt) => this.#dialOne(address, target, options, attempt), {
        clock,
        signal,
        parallel: limits.parallelPerPeer
      })
    } catch (error) {
      if (error instanceof RaceLost) throw new DialError(name(target), [...refused, ...error.failures])
      throw error
    }
  }

  async #gather(target: Target, signal: AbortSignal): Promise<readonly Multiaddr[]> {
    if (target.given.length > 0 || target.peer === undefined) return target.given
    const { peers, routing } = this.#parts
    const known = peers.get(target.peer)?.addresses.map((known) => known.address) ?? []
    if (known.length > 0) return known
    try {
      const found = await routing.findPeer(target.peer, { signal })
      if (found.addresses.length > 0) return found.addresses
    } catch (cause) {
      signal.throwIfAborted()
      throw new PeerloomError('ERR_NO_ADDRESSES', `no address of ${target.peer} is known`, { cause })
    }
    throw new PeerloomError('ERR_NO_ADDRESSES', `no address of ${target.peer} is known`)
  }

  async #resolve(
    addresses: readonly Multiaddr[],
    refused: FailedAttempt[],
    options: NodeDialOptions,
    signal: AbortSignal
  ): Promise<Multiaddr[]> {
    const { dns, transports } = this.#parts
    const known = new Map<string, Multiaddr>()
    for (const address of addresses) {
      // Transports that resolve by themselves (WebSocket, for its certificates) get the name.
      if (!needsResolving(address) || transports.some((transport) => transport.canDial(address))) {
        known.set(address.toString(), address)
        continue
      }
      options.onProgress?.({ stage: 'resolve', address })
      try {
        for (const found of await resolve(address, dns, { signal })) known.set(found.toString(), found)
      } catch (error) {
        signal.throwIfAborted()
        refused.push(failedAttempt(address, 'resolve', toError(error)))
      }
    }
    return [...known.values()]
  }

  /** Sorts out addresses that need no attempt to fail, with the reason. */
  #usable(address: Multiaddr, target: Target, options: NodeDialOptions, refused: FailedAttempt[]): boolean {
    const { transports, gater, backoff, blackHole } = this.#parts
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
    const waitMs = backoff.waitMs(address.toString())
    if (waitMs > 0) return refuse(new PeerloomError('ERR_BACKOFF', `failed lately, next try in ${waitMs} ms`))
    if (!blackHole.allow(address)) {
      return refuse(new PeerloomError('ERR_BACKOFF', 'nothing gets through on this kind of address'))
    }
    return true
  }

  async #dialOne(
    address: Multiaddr,
    target: Target,
    options: NodeDialOptions,
    attempt: Parameters<Parameters<typeof race>[1]>[1]
  ): Promise<Connection> {
    const { transports, upgrader, backoff, blackHole } = this.#parts
    const transport = transports.find((one) => one.canDial(address)) as Transport
    const release = await this.#slots.enter(attempt)
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
      // An attempt that was called off says nothing about its address.
      if (!attempt.signal.aborted) {
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
