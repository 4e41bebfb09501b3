import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type AdoptOptions,
  type Channel,
  type Connection,
  type ConnectionGater,
  type ConnectionProtector,
  type Direction,
  type Log,
  type Muxer,
  type MuxerOptions,
  type PeerId,
  PeerloomError,
  type Secured,
  type SecureOptions,
  type SecureTransport,
  type StreamMuxerFactory,
  toError,
  type UpgradeOptions,
  type Upgrader
} from '@peerloom/interface'
import { handle, select, selectOptimistic } from '@peerloom/multistream'
import { type ConnectionContext, PeerConnection } from './connection.ts'
import type { InboundGuard } from './inbound-guard.ts'
import type { LimitsTree } from './limits.ts'

export interface UpgraderOptions {
  readonly self: PeerId
  readonly security: readonly SecureTransport[]
  readonly muxers: readonly StreamMuxerFactory[]
  /** What shuts the network off from others. */
  readonly protector: ConnectionProtector | undefined
  readonly limits: LimitsTree
  readonly guard: InboundGuard
  readonly gater: ConnectionGater
  readonly log: Log
  /** Bound on securing and muxing one link, in ms. */
  readonly timeoutMs: number
}

/** Who a link leads to, before it has become a connection. */
type Identity = Omit<Secured, 'channel' | 'remoteKey'> & { readonly remoteKey: Secured['remoteKey'] | undefined }

/** Turns links into connections: security, then a muxer, inside limits and a bound on time. */
export class ConnectionUpgrader implements Upgrader {
  readonly #options: UpgraderOptions
  readonly #context: ConnectionContext
  readonly #onOpen: (connection: PeerConnection) => void
  readonly #muxerNames: readonly string[]
  /** Links that are being secured and muxed. */
  readonly #upgrading = new Set<Channel>()
  #next = 1

  constructor(options: UpgraderOptions, context: ConnectionContext, onOpen: (connection: PeerConnection) => void) {
    this.#options = options
    this.#context = context
    this.#onOpen = onOpen
    this.#muxerNames = options.muxers.map((muxer) => muxer.protocol)
  }

  /** Ends all links that are not connections yet. */
  stop(error: Error): void {
    for (const channel of this.#upgrading) channel.abort(error)
  }

  acceptInbound(remoteAddress: Multiaddr): boolean {
    const { guard, gater } = this.#options
    return gater.denyInbound?.(remoteAddress) !== true && guard.accepts(remoteAddress)
  }

  upgradeOutbound(channel: Channel, options: UpgradeOptions): Promise<Connection> {
    return this.#upgrade(channel, 'outbound', options)
  }

  upgradeInbound(channel: Channel, options: UpgradeOptions): Promise<Connection | undefined> {
    return this.#quietly(options, this.#upgrade(channel, 'inbound', options))
  }

  async secure(protocol: string, channel: Channel, options: SecureOptions): Promise<Secured> {
    const chosen = this.#options.security.find((one) => one.protocol === protocol)
    if (chosen !== undefined) return chosen.secure(channel, options)
    const name = protocol.slice(1)
    const hint = `import { ${name} } from '@peerloom/${name}'`
    const error = new PeerloomError('ERR_MISSING_MODULE', `no ${protocol} in connectionEncryption: ${hint}`)
    channel.abort(error)
    throw error
  }

  async adoptOutbound(options: AdoptOptions): Promise<Connection> {
    return this.#adopt('outbound', options)
  }

  adoptInbound(options: AdoptOptions): Promise<Connection | undefined> {
    return this.#quietly(options, (async () => this.#adopt('inbound', options))())
  }

  #quietly(options: UpgradeOptions, upgrading: Promise<Connection>): Promise<Connection | undefined> {
    return upgrading.catch((error: unknown) => {
      const { log } = this.#options
      if (log.enabled) log.debug('inbound connection from %s failed', options.remoteAddress.toString(), error)
      return undefined
    })
  }

  async #upgrade(channel: Channel, direction: Direction, options: UpgradeOptions): Promise<Connection> {
    const { limits, timeoutMs, guard } = this.#options
    const { clock } = this.#context
    const { signal } = options
    const resource = direction === 'inbound' ? 'connectionsInbound' : 'connectionsOutbound'
    const transient = limits.transient.child(direction)
    if (!transient.reserve(resource, 1)) {
      const error = new PeerloomError('ERR_LIMIT', `too many ${direction} connections are being made`)
      channel.abort(error)
      throw error
    }
    const release = direction === 'inbound' ? guard.enter(options.remoteAddress) : undefined
    // One bound and one signal for all steps: ending the channel ends whatever step waits on it.
    const onAbort = (): void => channel.abort(toError(signal?.reason))
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    const timer = clock.setTimeout(
      () => channel.abort(new PeerloomError('ERR_TIMEOUT', `the handshake took over ${timeoutMs} ms`)),
      timeoutMs
    )
    let opened = false
    this.#upgrading.add(channel)
    try {
      const upgraded =
        direction === 'outbound'
          ? await this.#secureOutbound(channel, options)
          : await this.#secureInbound(channel, options)
      transient.close()
      const connection = this.#open(upgraded, direction, options, release)
      opened = true
      return connection
    } catch (error) {
      channel.abort(toError(error))
      // An abort by signal or bound surfaces in whichever step was under way; the reason is the better answer.
      throw channel.error ?? error
    } finally {
      this.#upgrading.delete(channel)
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      transient.close()
      if (!opened) release?.()
    }
  }

  async #secureOutbound(link: Channel, options: UpgradeOptions): Promise<Upgraded> {
    const { security, muxers, protector } = this.#options
    const { clock } = this.#context
    options.onStage?.('security')
    const [firstSecurity, firstMuxer] = [security[0], muxers[0]]
    if (firstSecurity === undefined || firstMuxer === undefined) throw missing(firstSecurity)
    const channel = protector === undefined ? link : await protector.protect(link)
    let chosen = firstSecurity
    if (security.length === 1 && chosen.optimistic !== false) {
      selectOptimistic(channel, chosen.protocol)
    } else {
      const protocol = await select(
        channel,
        security.map((one) => one.protocol),
        { clock }
      )
      chosen = security.find((one) => one.protocol === protocol) ?? chosen
    }
    const { channel: plain, ...identity } = await chosen.secure(channel, {
      role: 'initiator',
      expected: options.expected,
      muxers: this.#muxerNames
    })
    options.onStage?.('muxer')
    let name = identity.muxer
    if (name === undefined && muxers.length === 1) {
      name = firstMuxer.protocol
      selectOptimistic(plain, name)
    }
    name ??= await select(plain, this.#muxerNames, { clock })
    return { security: chosen.protocol, identity, ...this.#muxer(name, plain) }
  }

  async #secureInbound(link: Channel, options: UpgradeOptions): Promise<Upgraded> {
    const { security, protector } = this.#options
    const { clock } = this.#context
    options.onStage?.('security')
    if (security[0] === undefined || this.#options.muxers[0] === undefined) throw missing(security[0])
    const channel = protector === undefined ? link : await protector.protect(link)
    const protocol = await handle(
      channel,
      security.map((one) => one.protocol),
      { clock }
    )
    const chosen = security.find((one) => one.protocol === protocol) as SecureTransport
    const { channel: plain, ...identity } = await chosen.secure(channel, {
      role: 'responder',
      muxers: this.#muxerNames
    })
    options.onStage?.('muxer')
    const name = identity.muxer ?? (await handle(plain, this.#muxerNames, { clock }))
    return { security: protocol, identity, ...this.#muxer(name, plain) }
  }

  #muxer(name: string, channel: Channel): Pick<Upgraded, 'muxer' | 'createMuxer'> {
    const muxer = this.#options.muxers.find((one) => one.protocol === name)
    if (muxer === undefined) throw new PeerloomError('ERR_MUXER', `the remote chose ${name}, which was not offered`)
    return { muxer: name, createMuxer: (options) => muxer.create(channel, options) }
  }

  #adopt(direction: Direction, options: AdoptOptions): Connection {
    const { guard, protector } = this.#options
    if (protector !== undefined) {
      // Its handshake was one that anybody could make.
      throw new PeerloomError('ERR_GATED', `${options.transport} cannot be a part of a private network`)
    }
    const release = direction === 'inbound' ? guard.enter(options.remoteAddress) : undefined
    try {
      const { security, remotePeer, remoteKey, transport, createMuxer } = options
      const identity = { remotePeer, remoteKey }
      return this.#open({ security, identity, muxer: transport, createMuxer }, direction, options, release)
    } catch (error) {
      release?.()
      throw error
    }
  }

  #open(
    upgraded: Upgraded,
    direction: Direction,
    options: UpgradeOptions,
    release: (() => void) | undefined
  ): Connection {
    const { self, gater, limits } = this.#options
    const { identity } = upgraded
    const peer = identity.remotePeer.toString()
    if (identity.remotePeer.equals(self)) throw new PeerloomError('ERR_GATED', 'the other end is this node itself')
    if (gater.denySecured?.(peer, direction, options.remoteAddress) === true) {
      throw new PeerloomError('ERR_GATED', `the gater refused ${peer}`)
    }
    const id = `${direction === 'inbound' ? 'in' : 'out'}-${this.#next++}`
    const scope = limits.retainPeer(peer).child(id, limits.limits.connection)
    if (!scope.reserve(direction === 'inbound' ? 'connectionsInbound' : 'connectionsOutbound', 1)) {
      limits.releasePeer(peer)
      throw new PeerloomError('ERR_LIMIT', `too many connections are open, in all or with ${peer}`)
    }
    const connection = new PeerConnection(
      {
        id,
        remotePeer: identity.remotePeer,
        remoteKey: identity.remoteKey,
        remoteAddress: options.remoteAddress,
        localAddress: options.localAddress,
        direction,
        security: upgraded.security,
        muxer: upgraded.muxer,
        transport: options.transport,
        earlyMuxer: identity.muxer !== undefined,
        limits: options.limits
      },
      this.#context,
      () => {
        scope.close()
        limits.releasePeer(peer)
        release?.()
      }
    )
    const isOver = (): boolean => connection.status !== 'open'
    try {
      const role = direction === 'inbound' ? 'responder' : 'initiator'
      connection.start((events) => upgraded.createMuxer({ role, ...events, limits: scope, clock: this.#context.clock }))
      // Bytes that came along with the handshake may have ended it already: then nobody is to hear of it.
      if (!isOver() && gater.denyUpgraded?.(connection) === true) {
        throw new PeerloomError('ERR_GATED', `the gater refused the connection to ${peer}`)
      }
      if (!isOver()) this.#onOpen(connection)
      if (isOver()) throw new PeerloomError('ERR_CONNECTION_CLOSED', `the connection to ${peer} was lost at once`)
      connection.announce()
      return connection
    } catch (error) {
      connection.abort(toError(error))
      throw error
    }
  }
}

interface Upgraded {
  readonly security: string
  readonly identity: Identity
  readonly muxer: string
  createMuxer(options: MuxerOptions): Muxer
}

function missing(security: SecureTransport | undefined): PeerloomError {
  return security === undefined
    ? new PeerloomError('ERR_MISSING_MODULE', "no connectionEncryption: import { noise } from '@peerloom/noise'")
    : new PeerloomError('ERR_MISSING_MODULE', "no streamMuxers: import { yamux } from '@peerloom/yamux'")
}
