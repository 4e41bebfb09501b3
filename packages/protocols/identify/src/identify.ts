import { TokenBucket } from '@peerloom/bounded'
import { peerIdFromPublicKey, publicKeyFromProtobuf } from '@peerloom/identity'
import {
  type AbortOptions,
  type Connection,
  type Identifier,
  type IdentifyResult,
  type NodeContext,
  type PeerId,
  PeerloomError,
  type PublicKey,
  type Startable,
  type Stream,
  toError,
  type Unsubscribe
} from '@peerloom/interface'
import { decodeIdentify, type IdentifyLimits, type IdentifyMessage } from './codec.ts'
import { believable } from './believable.ts'
import { OwnMessage } from './own-message.ts'
import { Pusher, pushProtocol } from './pusher.ts'
import { receiveAll } from './receive.ts'

const identifyProtocol = '/ipfs/id/1.0.0'

export interface IdentifyOptions {
  /** Ask every new connection who it is. Default true. */
  readonly onConnection?: boolean
  /** Bound on one exchange, in ms. Default 5,000. */
  readonly timeoutMs?: number
  /** Changes of ours are gathered this long before they are pushed, in ms. Default 200. */
  readonly pushDelayMs?: number
  /** Pushes under way at once. Default 32. */
  readonly maxParallelPushes?: number
  /** How long an address that the peer did not sign is believed, in ms. Default 600,000. */
  readonly unsignedTtlMs?: number
  /** Addresses that are read, more are left out. Default 500. */
  readonly maxAddresses?: number
  /** Protocols that are read, more are left out. Default 1,024. */
  readonly maxProtocols?: number
}

export const defaultIdentifyOptions: Required<IdentifyOptions> = {
  onConnection: true,
  timeoutMs: 5000,
  pushDelayMs: 200,
  maxParallelPushes: 32,
  unsignedTtlMs: 600_000,
  maxAddresses: 500,
  maxProtocols: 1024
}

/** Pushes of one connection: a burst, then one every 5 s. */
const pushRate = { burst: 10, ratePerSecond: 0.2 }

export class Identify implements Identifier, Startable {
  readonly #node: NodeContext
  readonly #options: Required<IdentifyOptions>
  readonly #limits: IdentifyLimits
  readonly #own: OwnMessage
  readonly #running = new Map<Connection, Promise<IdentifyResult>>()
  /** Made with the first push of a connection. */
  readonly #pushBudgets = new WeakMap<Connection, TokenBucket>()
  #subscriptions: Unsubscribe[] = []
  #pusher: Pusher | undefined

  constructor(node: NodeContext, options: Required<IdentifyOptions>) {
    this.#node = node
    this.#options = options
    this.#limits = options
    this.#own = new OwnMessage(node)
  }

  start(): void {
    const { protocols, events, log } = this.#node
    protocols.handle(identifyProtocol, (stream, connection) => this.#answer(stream, connection), {
      maxInboundStreams: 16,
      allowLimited: true
    })
    protocols.handle(pushProtocol, (stream, connection) => this.#receivePush(stream, connection), {
      maxInboundStreams: 4,
      allowLimited: true
    })
    const pusher = new Pusher(this.#node, this.#own, this.#options)
    this.#pusher = pusher
    const onChange = (): void => {
      this.#own.changed()
      pusher.schedule()
    }
    this.#subscriptions = [
      events.on('protocols', onChange),
      events.on('addresses', onChange),
      events.on('connection:open', (connection) => {
        this.#own.meet()
        if (!this.#options.onConnection) return
        this.identify(connection).catch((error: unknown) => {
          const scope = log('identify')
          if (scope.enabled) scope.debug('%s did not say who it is', connection.remotePeer.toString(), error)
        })
      })
    ]
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#subscriptions) unsubscribe()
    this.#subscriptions = []
    const pusher = this.#pusher
    this.#pusher = undefined
    await pusher?.stop()
    this.#node.protocols.unhandle([identifyProtocol, pushProtocol])
  }

  identify(connection: Connection, options: AbortOptions = {}): Promise<IdentifyResult> {
    if (options.signal?.aborted === true) return Promise.reject(toError(options.signal.reason))
    let running = this.#running.get(connection)
    if (running === undefined) {
      running = this.#ask(connection).finally(() => this.#running.delete(connection))
      this.#running.set(connection, running)
    }
    return options.signal === undefined ? running : abortable(running, options.signal)
  }

  async #ask(connection: Connection): Promise<IdentifyResult> {
    const { clock } = this.#node
    const { timeoutMs } = this.#options
    const started = clock.now()
    const stream = await connection.openStream(identifyProtocol, { timeoutMs, allowLimited: true })
    const receiving = receiveAll(stream, clock, timeoutMs - (clock.now() - started))
    // We have nothing to say; the failure, if any, is that of the answer.
    stream.closeWrite().catch(() => {})
    return this.#take(decodeIdentify(await receiving, this.#limits), connection)
  }

  async #answer(stream: Stream, connection: Connection): Promise<void> {
    await stream.write(await this.#own.framesFor(connection))
    await stream.close()
  }

  async #receivePush(stream: Stream, connection: Connection): Promise<void> {
    let budget = this.#pushBudgets.get(connection)
    if (budget === undefined) {
      budget = new TokenBucket({ ...pushRate, clock: this.#node.clock })
      this.#pushBudgets.set(connection, budget)
    }
    if (!budget.take()) throw new PeerloomError('ERR_LIMIT', 'too many identify pushes', { remote: true })
    const bytes = await receiveAll(stream, this.#node.clock, this.#options.timeoutMs)
    await this.#take(decodeIdentify(bytes, this.#limits), connection)
    await stream.close()
  }

  /** Puts what a peer says of itself in its place, after checking that it is about itself. */
  async #take(message: IdentifyMessage, connection: Connection): Promise<IdentifyResult> {
    const { peers, addresses, events } = this.#node
    const { remotePeer } = connection
    const publicKey = message.publicKey === undefined ? undefined : checkedKey(message.publicKey, connection)
    peers.patch(remotePeer, {
      ...(publicKey === undefined ? {} : { publicKey }),
      ...(message.protocols === undefined ? {} : { protocols: message.protocols }),
      ...(message.agentVersion === undefined ? {} : { agentVersion: message.agentVersion }),
      ...(message.protocolVersion === undefined ? {} : { protocolVersion: message.protocolVersion })
    })
    const signed = await this.#takeRecord(message.signedPeerRecord, remotePeer)
    if (!signed) {
      const usable = believable(message.listenAddresses, connection.remoteAddress)
      peers.addAddresses(remotePeer, usable, { ttlMs: this.#options.unsignedTtlMs })
    }
    if (message.observedAddress !== undefined) addresses.observe(message.observedAddress, connection)
    const known = peers.get(remotePeer)
    const result: IdentifyResult = {
      peerId: remotePeer,
      connection,
      agentVersion: message.agentVersion ?? known?.agentVersion,
      protocolVersion: message.protocolVersion ?? known?.protocolVersion,
      protocols: message.protocols ?? known?.protocols ?? [],
      listenAddresses: message.listenAddresses,
      observedAddress: message.observedAddress,
      signedRecord: signed ? message.signedPeerRecord : undefined
    }
    // A connection that was closed meanwhile has been forgotten, and is not to come back by this.
    if (connection.status === 'open') events.emit('peer:identify', result)
    return result
  }

  async #takeRecord(envelope: Uint8Array | undefined, peer: PeerId): Promise<boolean> {
    return envelope !== undefined && (await this.#node.peers.consumeRecord(envelope, { expected: peer }))
  }
}

/** The key that a message shows, which must be that of the peer at the other end. */
function checkedKey(bytes: Uint8Array, { remotePeer, remoteKey }: Connection): PublicKey {
  const known = remoteKey ?? remotePeer.publicKey
  if (known !== undefined && equalBytes(bytes, known.protobuf)) return known
  let shown: PublicKey | undefined
  try {
    // A transport may know no more than the hash of the key.
    if (known === undefined) shown = publicKeyFromProtobuf(bytes)
  } catch (cause) {
    throw new PeerloomError('ERR_INVALID_KEY', `${remotePeer} shows what is no key`, { cause, remote: true })
  }
  if (shown !== undefined && peerIdFromPublicKey(shown).equals(remotePeer)) return shown
  throw new PeerloomError('ERR_WRONG_PEER', `${remotePeer} shows a key that is not its own`, { remote: true })
}

function equalBytes(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, at) => byte === two[at])
}

/** One caller's wait ends with its signal; the work goes on for the others. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(toError(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
