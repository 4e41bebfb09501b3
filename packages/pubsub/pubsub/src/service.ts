import {
  type NodeContext,
  type PeerId,
  PeerloomError,
  type PublishResult,
  type PubSub,
  type PubSubEvents,
  type PubSubMessage,
  type Startable,
  type Stream,
  type SubscribeOptions,
  type Subscription,
  type TopicValidator,
  type Unsubscribe
} from '@peerloom/interface'
import { Authors } from './authors.ts'
import { Connector, type ConnectorLimits, defaultConnectorLimits } from './connector.ts'
import { Heartbeat } from './heartbeat.ts'
import { Instruments } from './instruments.ts'
import { EventListeners } from './listeners.ts'
import { type MessageIdOption, type MessageIdRule, messageIdRule } from './message-id.ts'
import { defaultLinkLimits, type LinkHost, type LinkLimits, meshReason, PeerLink } from './peer-link.ts'
import { ReceivedMessage } from './received-message.ts'
import type { PeerExchange, Rpc } from './rpc.ts'
import type { Recommended, Router, RouterHost, RouterPeer, Verdict } from './router.ts'
import { type SignaturePolicy, verifyMessage } from './signatures.ts'
import { Signer } from './signer.ts'
import { TopicSubscription } from './subscription.ts'
import { defaultValidationLimits, Validation, type ValidationLimits } from './validation.ts'
import { RpcDecoder } from './wire/decode.ts'
import { defaultRpcLimits, type RpcLimits } from './wire/limits.ts'
import { WorkTurns } from './work-turns.ts'
import type { MessageReader, WireMessage } from './wire/wire-message.ts'

export interface PubSubOptions {
  /** Default `StrictSign`. */
  readonly signaturePolicy?: SignaturePolicy
  /** What messages are told apart by, the same in all of a network. Default `spec`; `content` under StrictNoSign. */
  readonly messageId?: MessageIdOption
  /** Deliver own messages to own subscriptions. Default true. */
  readonly emitSelf?: boolean
  /** The longest message that is published, its signature included. Default 1 MiB, which is what others read by default. */
  readonly maxMessageBytes?: number
  /** Exchange RPCs over limited (relayed) connections too. Default false. */
  readonly allowLimited?: boolean
  /** What is read of an RPC. */
  readonly rpc?: Partial<RpcLimits>
  readonly validation?: Partial<ValidationLimits>
  readonly links?: Partial<LinkLimits>
  readonly dials?: Partial<ConnectorLimits>
}

type ServicePeer = RouterPeer<WireMessage, PeerLink>
export type ServiceHost = RouterHost<WireMessage, PeerLink>
export type ServiceRouter = Router<WireMessage, PeerLink>

const defaultMaxMessageBytes = 1024 * 1024
const identifyProtocol = '/ipfs/id/1.0.0'

/** Carries a router on the streams of a node: what applications hold as `services.pubsub`. */
export class PubSubService<R extends ServiceRouter = ServiceRouter>
  implements PubSub, Startable, LinkHost, MessageReader, ServiceHost
{
  readonly node: NodeContext
  readonly limits: LinkLimits
  readonly maxRpcBytes: number
  readonly turns: WorkTurns
  readonly allowLimited: boolean
  readonly router: R
  readonly trace: Instruments<WireMessage, PeerLink>
  readonly #policy: SignaturePolicy
  readonly #emitSelf: boolean
  readonly #maxMessageBytes: number
  readonly #rule: MessageIdRule
  readonly #authors = new Authors()
  readonly #decoder: RpcDecoder
  readonly #signer: Signer
  readonly #validation: Validation
  readonly #connector: Connector
  readonly #heartbeat: Heartbeat
  readonly #listeners: EventListeners
  readonly #links = new Map<string, PeerLink>()
  /** Peers that broke the rules too often; they are connected, so there are not many. */
  readonly #banned = new Set<string>()
  readonly #subscriptions = new Map<string, Set<TopicSubscription>>()
  #random = new Uint32Array(0)
  #randomAt = 0
  #isRunning = false
  /** Counts starts, so that what belongs to an earlier run is noticed. */
  #run = 0
  #ends: Unsubscribe[] = []
  /** How deep the router is in calls; what would call it again waits for its return. */
  #depth = 0
  #later: (() => void)[] = []

  constructor(node: NodeContext, createRouter: (host: ServiceHost) => R, options: PubSubOptions = {}) {
    const log = node.log('pubsub')
    const rpc = { ...defaultRpcLimits, ...options.rpc }
    this.node = node
    this.limits = { ...defaultLinkLimits, ...options.links }
    this.maxRpcBytes = rpc.maxRpcBytes
    this.turns = new WorkTurns(node.clock, this.limits.turnMs)
    this.allowLimited = options.allowLimited ?? false
    this.#policy = options.signaturePolicy ?? 'StrictSign'
    this.#emitSelf = options.emitSelf ?? true
    this.#maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes
    this.#rule = messageIdRule(options.messageId ?? (this.#policy === 'StrictSign' ? 'spec' : 'content'))
    this.#decoder = new RpcDecoder(this, rpc)
    // One of our own is not bounded by what is read of others.
    const own = new RpcDecoder(this, { ...defaultRpcLimits, maxRpcBytes: Number.POSITIVE_INFINITY })
    this.#signer = new Signer(node, this.#policy, (field) => own.decode(field).publish?.[0] as WireMessage)
    this.#validation = new Validation({ ...defaultValidationLimits, ...options.validation }, node.clock, log)
    this.#connector = new Connector(node, { ...defaultConnectorLimits, ...options.dials })
    this.#listeners = new EventListeners(log)
    this.trace = new Instruments(node.metrics, this.#gauges(), (topic) => this.#subscriptions.has(topic))
    this.router = createRouter(this)
    this.#heartbeat = new Heartbeat(
      node.clock,
      this.router.heartbeatMs,
      () => this.#beat(),
      (beats) => this.trace.skipped(beats)
    )
  }

  async start(): Promise<void> {
    if (this.#isRunning) return
    await this.#signer.start()
    this.#isRunning = true
    this.#run++
    const { protocols, events } = this.node
    const { router, allowLimited } = this
    protocols.handle(router.protocols, (stream) => this.#accept(stream), { maxInboundStreams: 4, allowLimited })
    this.#connector.start()
    this.#heartbeat.start()
    this.#ends = [
      events.on('peer:disconnect', (peer) => this.#disconnected(peer)),
      events.on('connection:open', ({ remotePeer }) => {
        // Without identify nobody tells what the peer speaks: it is asked.
        if (!protocols.list().includes(identifyProtocol)) this.#linkTo(remotePeer)?.open()
      }),
      protocols.watch({
        protocols: router.protocols,
        allowLimited,
        onConnect: (peer) => this.#linkTo(peer)?.open(),
        onDisconnect: (peer) => this.#end(peer, 'the peer does not speak pubsub any more')
      })
    ]
  }

  stop(): void {
    if (!this.#isRunning) return
    this.#isRunning = false
    for (const end of this.#ends) end()
    this.#ends = []
    this.node.protocols.unhandle(this.router.protocols)
    this.#heartbeat.stop()
    const stopped = new PeerloomError('ERR_STOPPED', 'pubsub is stopped')
    this.#connector.stop(stopped)
    for (const link of [...this.#links.values()]) link.leave(stopped)
    this.#banned.clear()
  }

  // What applications call.

  subscribe(topic: string, handler?: (message: PubSubMessage) => void, options: SubscribeOptions = {}): Subscription {
    const subscription = new TopicSubscription(topic, handler, options, (over) => this.#left(over))
    const others = this.#subscriptions.get(topic)
    if (others !== undefined) {
      others.add(subscription)
    } else {
      this.#subscriptions.set(topic, new Set([subscription]))
      this.run(() => this.router.subscribe(topic))
    }
    return subscription
  }

  unsubscribe(topic: string): void {
    for (const subscription of [...(this.#subscriptions.get(topic) ?? [])]) subscription.unsubscribe()
  }

  async publish(topic: string, data: Uint8Array): Promise<PublishResult> {
    if (!this.#isRunning) throw new PeerloomError('ERR_NOT_STARTED', 'publish() needs a node that is started')
    const run = this.#run
    const message = await this.#signer.make(topic, data)
    if (!this.#isRunning || run !== this.#run) throw new PeerloomError('ERR_STOPPED', 'pubsub was stopped')
    if (message.bytes > this.#maxMessageBytes) {
      const most = this.#maxMessageBytes
      throw new PeerloomError('ERR_MESSAGE_TOO_LARGE', `a message of ${message.bytes} bytes, at most ${most} are sent`)
    }
    let recipients: readonly ServicePeer[] = []
    this.run(() => (recipients = this.router.publish(message)))
    this.trace.published(topic)
    if (this.#emitSelf) this.#hand(new ReceivedMessage(message, this.#authors, undefined))
    return { recipients: recipients.map(({ handle }) => handle.peerId) }
  }

  peers(topic?: string): readonly PeerId[] {
    const peers = topic === undefined ? [...this.router.peers.values()] : this.router.subscribers(topic)
    return peers.map(({ handle }) => handle.peerId)
  }

  topics(): readonly string[] {
    return [...this.#subscriptions.keys()]
  }

  addValidator(topic: string, validator: TopicValidator): () => void {
    return this.#validation.add(topic, validator)
  }

  addEventListener<K extends keyof PubSubEvents>(type: K, listener: (event: PubSubEvents[K]) => void): void {
    this.#listeners.add(type, listener)
  }

  removeEventListener<K extends keyof PubSubEvents>(type: K, listener: (event: PubSubEvents[K]) => void): void {
    this.#listeners.remove(type, listener)
  }

  /** All of it at this moment, as plain data. */
  inspect(): object {
    return {
      protocols: this.router.protocols,
      topics: this.topics(),
      links: [...this.#links.values()].map((link) => link.inspect()),
      pending: { validations: this.#validation.pending, dials: this.#connector.pending },
      banned: [...this.#banned],
      router: this.router.inspect()
    }
  }

  // What the router asks of its host.

  now(): number {
    return this.node.clock.now()
  }

  random(): number {
    if (this.#randomAt === this.#random.length) {
      this.#random = new Uint32Array(new Uint8Array(this.node.random(1024)).buffer)
      this.#randomAt = 0
    }
    return (this.#random[this.#randomAt++] as number) / 2 ** 32
  }

  wake(peer: ServicePeer): void {
    peer.handle.wake()
  }

  verify(message: WireMessage, _from: ServicePeer, done: (verdict: Verdict) => void): void {
    const verdict = verifyMessage(message, this.#policy, this.#authors, this.node.peerId)
    if (typeof verdict === 'string') {
      if (verdict === 'accept') message.keep()
      done(verdict)
      return
    }
    message.keep()
    this.#validation.wait(message, [verdict], this.#laterDone(done))
  }

  validate(message: WireMessage, from: ServicePeer, done: (verdict: Verdict) => void): void {
    if (!this.#validation.has(message.topic)) {
      done('accept')
      return
    }
    const { peerId } = from.handle
    const received = new ReceivedMessage(message, this.#authors, peerId)
    this.#validation.run(message, received, peerId, this.#laterDone(done))
  }

  deliver(message: WireMessage, from: ServicePeer): void {
    const { peerId } = from.handle
    this.#later.push(() => {
      this.trace.delivered(message.topic)
      this.#hand(new ReceivedMessage(message, this.#authors, peerId))
    })
  }

  connect(peers: readonly (Recommended | string)[]): void {
    this.#connector.connect(peers)
  }

  exchange(peer: ServicePeer): PeerExchange | undefined {
    const { peerId } = peer.handle
    const signedPeerRecord = this.node.peers.get(peerId)?.signedRecord
    return signedPeerRecord === undefined ? undefined : { peerId: peerId.bytes, signedPeerRecord }
  }

  drop(peer: ServicePeer, reason: string): void {
    this.#later.push(() => {
      peer.handle.abort(new PeerloomError('ERR_LIMIT', `pubsub: ${reason}`, { remote: true }))
    })
  }

  meshed(peer: ServicePeer, topic: string, isMember: boolean): void {
    const { meshes, peerId } = peer.handle
    if (isMember) {
      meshes.add(topic)
      this.node.connections.protect(peerId, meshReason(topic))
    } else if (meshes.delete(topic)) {
      this.node.connections.unprotect(peerId, meshReason(topic))
    }
  }

  subscribed(peer: ServicePeer, topic: string, subscribed: boolean): void {
    if (!this.#listeners.has('subscription-change')) return
    const { peerId } = peer.handle
    this.#later.push(() => this.#listeners.emit('subscription-change', { peer: peerId, topic, subscribed }))
  }

  // What links ask of their host.

  run(work: () => void): void {
    if (this.#depth > 0) {
      this.#later.push(() => this.run(work))
      return
    }
    this.#depth++
    try {
      work()
    } finally {
      this.#leave()
    }
  }

  decode(frame: Uint8Array): Rpc<WireMessage> {
    this.trace.rpcReceived(frame.length)
    return this.#decoder.decode(frame)
  }

  receive(peer: ServicePeer, rpc: Rpc<WireMessage>): void {
    this.#depth++
    try {
      this.router.receive(peer, rpc)
    } finally {
      this.#leave()
    }
  }

  sent(bytes: number): void {
    this.trace.bytesSent(bytes)
  }

  over(link: PeerLink, isBanned: boolean): void {
    if (this.#links.get(link.name) === link) this.#links.delete(link.name)
    if (isBanned && this.#isRunning) this.#banned.add(link.name)
  }

  // What messages ask of their reader.

  idOf(message: WireMessage): string {
    return this.#rule(message)
  }

  authorOf(message: WireMessage): string | undefined {
    return this.#authors.of(message)?.name
  }

  #accept(stream: Stream): void {
    const link = this.#linkTo(stream.connection.remotePeer)
    if (link === undefined) stream.abort(new PeerloomError('ERR_LIMIT', 'pubsub: the peer broke the rules too often'))
    else link.accept(stream)
  }

  /** Undefined for a peer that is not worth one. */
  #linkTo(peer: PeerId): PeerLink | undefined {
    const name = peer.toString()
    if (!this.#isRunning || this.#banned.has(name)) return undefined
    let link = this.#links.get(name)
    if (link === undefined) this.#links.set(name, (link = new PeerLink(peer, this)))
    return link
  }

  #disconnected(peer: PeerId): void {
    this.#end(peer, 'the peer is gone')
    this.#banned.delete(peer.toString())
  }

  #end(peer: PeerId, why: string): void {
    this.#links.get(peer.toString())?.leave(new PeerloomError('ERR_CONNECTION_CLOSED', `pubsub: ${why}`))
  }

  /** A verdict that comes when the router is not waiting for it runs what it sets in motion like anything else. */
  #laterDone(done: (verdict: Verdict) => void): (verdict: Verdict) => void {
    const run = this.#run
    return (verdict) => {
      if (this.#depth > 0) done(verdict)
      else if (this.#isRunning && run === this.#run) this.run(() => done(verdict))
    }
  }

  #beat(): void {
    const started = performance.now()
    this.run(() => this.router.heartbeat())
    this.trace.beat(performance.now() - started)
  }

  #left(subscription: TopicSubscription): void {
    const { topic } = subscription
    const others = this.#subscriptions.get(topic)
    if (others === undefined || !others.delete(subscription) || others.size > 0) return
    this.#subscriptions.delete(topic)
    this.run(() => {
      if (!this.#subscriptions.has(topic)) this.router.unsubscribe(topic)
    })
  }

  #leave(): void {
    if (--this.#depth > 0 || this.#later.length === 0) return
    // Handlers may call anything, which lands behind.
    for (let later = this.#later; later.length > 0; later = this.#later) {
      this.#later = []
      for (const work of later) this.#listeners.call(work, undefined)
    }
  }

  #hand(message: PubSubMessage): void {
    const subscriptions = this.#subscriptions.get(message.topic)
    if (subscriptions === undefined) return
    for (const subscription of subscriptions) {
      subscription.push(message)
      if (subscription.handler !== undefined) this.#listeners.call(subscription.handler, message)
    }
    this.#listeners.emit('message', message)
  }

  #gauges() {
    const links = (): PeerLink[] => [...this.#links.values()]
    return {
      peers: () => this.router.peers.size,
      topics: () => this.#subscriptions.size,
      pendingValidations: () => this.#validation.pending,
      pendingDials: () => this.#connector.pending,
      queuedBytes: () => links().reduce((sum, { peer }) => sum + (peer?.queue.bytes ?? 0), 0),
      meshPeers: () => links().reduce((sum, { meshes }) => sum + meshes.size, 0)
    }
  }
}
