import { createHash } from 'node:crypto'
import { floodsub, type FloodSub, type FloodSubComponents } from '@libp2p/floodsub'
import {
  gossipsub,
  TopicValidatorResult,
  type GossipSub,
  type GossipSubComponents,
  type Message,
  type TopicValidatorFn
} from '@libp2p/gossipsub'
import type { Connection, Stream, Topology } from '@libp2p/interface'
import type {
  ForeignMessage,
  ForeignPubsub,
  ForeignPubsubOptions,
  MessageParts,
  PubsubTraffic
} from './foreign-pubsub.ts'
import { RpcTally } from './rpc-tally.ts'

const maxMessages = 8192
/** The defaults of js-libp2p are for topics with traffic; here only invalid messages and first deliveries count. */
const quietTopic = {
  topicWeight: 1,
  timeInMeshWeight: 0,
  firstMessageDeliveriesWeight: 1,
  firstMessageDeliveriesDecay: 0.999,
  firstMessageDeliveriesCap: 10,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0,
  invalidMessageDeliveriesWeight: -20,
  invalidMessageDeliveriesDecay: 0.999
}

/** A method that the type of its FloodSub does not show. */
interface NumberedMessages {
  buildMessage(message: { readonly sequenceNumber: bigint }): unknown
}

/** Pubsub of npm libp2p. `module` goes into the services of a node, which is what makes the rest work. */
export class NpmPubsub implements ForeignPubsub {
  readonly module: (components: GossipSubComponents & FloodSubComponents) => GossipSub | FloodSub
  readonly #options: ForeignPubsubOptions
  readonly #tally = new RpcTally()
  readonly #messages: ForeignMessage[] = []
  #router: GossipSub | FloodSub | undefined

  constructor(options: ForeignPubsubOptions) {
    this.#options = options
    // One by one: asking for a component that a node does not have throws.
    this.module = ({ privateKey, peerId, peerStore, connectionManager, logger, registrar }) => {
      const tap = tapRegistrar(registrar, this.#tally)
      const tapped = { privateKey, peerId, peerStore, connectionManager, logger, registrar: tap }
      this.#router = options.router === 'floodsub' ? this.#floodsub(tapped) : this.#gossipsub(tapped)
      return this.#router
    }
  }

  async subscribe(topic: string): Promise<void> {
    if (this.#options.rejectPrefix !== undefined) {
      const router = this.#required() as { readonly topicValidators: Map<string, TopicValidatorFn> }
      router.topicValidators.set(topic, (_, { data }) => this.#judge(data))
    }
    this.#required().subscribe(topic)
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#required().unsubscribe(topic)
  }

  async publish(topic: string, data: Uint8Array): Promise<void> {
    await this.#required().publish(topic, data)
  }

  async peers(topic: string): Promise<readonly string[]> {
    return this.#required().getSubscribers(topic).map(String)
  }

  async mesh(topic: string): Promise<readonly string[]> {
    const router = this.#required()
    return 'getMeshPeers' in router ? (router.getMeshPeers as (topic: string) => string[])(topic) : []
  }

  async messages(): Promise<readonly ForeignMessage[]> {
    return [...this.#messages]
  }

  async traffic(): Promise<PubsubTraffic> {
    const router = this.#required()
    const scored = this.#options.scoredTopic !== undefined && 'getScore' in router
    return this.#tally.traffic((peer) => (scored ? (router.getScore as (peer: string) => number)(peer) : undefined))
  }

  publishParts(): Promise<never> {
    return Promise.reject(new Error('js-libp2p has no partial messages'))
  }

  parts(): Promise<MessageParts> {
    return Promise.reject(new Error('js-libp2p has no partial messages'))
  }

  #required(): GossipSub | FloodSub {
    if (this.#router === undefined) throw new Error('started without pubsub')
    return this.#router
  }

  #judge(data: Uint8Array): TopicValidatorResult {
    const prefix = Buffer.from(this.#options.rejectPrefix ?? '')
    return prefix.equals(data.subarray(0, prefix.length)) ? TopicValidatorResult.Reject : TopicValidatorResult.Accept
  }

  #floodsub(components: FloodSubComponents): FloodSub {
    const router = floodsub({ globalSignaturePolicy: this.#options.unsigned === true ? 'StrictNoSign' : 'StrictSign' })(
      components
    )
    // It writes sequence numbers without their leading zero bytes (11.0.28): one message in 256 has fewer than the eight that
    // the specification asks for, and is refused by whoever looks, its own GossipSub as well. Such a number is never drawn here.
    const { buildMessage: build } = router as FloodSub & NumberedMessages
    ;(router as FloodSub & NumberedMessages).buildMessage = (message) =>
      build.call(router, { ...message, sequenceNumber: message.sequenceNumber | (1n << 63n) })
    router.addEventListener('message', ({ detail }) => {
      const id = detail.type === 'signed' ? authorAndNumber(detail) : Buffer.from(digestOf(detail.data), 'hex')
      this.#keep(detail, id, '')
    })
    return router
  }

  #gossipsub(components: GossipSubComponents): GossipSub {
    const { d, dLow, dHigh, dLazy, heartbeatMs, scoredTopic, pruneBackoffMs, unsubscribeBackoffMs } = this.#options
    const router = gossipsub({
      globalSignaturePolicy: this.#options.unsigned === true ? 'StrictNoSign' : 'StrictSign',
      floodPublish: this.#options.floodPublish === true,
      doPX: this.#options.px === true,
      allowPublishToZeroTopicPeers: true,
      ...(d === undefined || dLow === undefined || dHigh === undefined
        ? {}
        : {
            D: d,
            Dlo: dLow,
            Dhi: dHigh,
            Dscore: Math.min(4, d),
            Dout: Math.max(0, Math.min(2, dLow - 1, Math.floor(d / 2) - 1))
          }),
      ...(dLazy === undefined ? {} : { Dlazy: dLazy }),
      ...(heartbeatMs === undefined ? {} : { heartbeatInterval: heartbeatMs }),
      ...(pruneBackoffMs === undefined ? {} : { pruneBackoff: pruneBackoffMs }),
      ...(unsubscribeBackoffMs === undefined ? {} : { unsubcribeBackoff: unsubscribeBackoffMs }),
      ...(this.#options.idontwantBytes === undefined ? {} : { idontwantMinDataSize: this.#options.idontwantBytes }),
      ...messageIdRule(this.#options),
      scoreParams: {
        IPColocationFactorWeight: 0,
        behaviourPenaltyWeight: scoredTopic === undefined ? 0 : -10,
        behaviourPenaltyDecay: 0.999,
        topics: scoredTopic === undefined ? {} : { [scoredTopic]: quietTopic as never }
      },
      scoreThresholds: { gossipThreshold: -10, publishThreshold: -50, graylistThreshold: -75, acceptPXThreshold: 0 }
    })(components)
    router.addEventListener('gossipsub:message', ({ detail: { msg, msgId, propagationSource } }) => {
      if (propagationSource.equals(components.peerId)) return
      this.#keep(msg, Buffer.from(msgId, 'base64'), propagationSource.toString())
    })
    return router
  }

  #keep(message: Message, id: Uint8Array, via: string): void {
    if (this.#messages.length === maxMessages) return
    this.#messages.push({
      id: new Uint8Array(id),
      topic: message.topic,
      from: message.type === 'signed' ? message.from.toString() : undefined,
      seqno: message.type === 'signed' ? message.sequenceNumber : undefined,
      via,
      bytes: message.data.length,
      digest: digestOf(message.data)
    })
  }
}

/** Its own rule is not the specification's: the author's public key in protobuf, not the peer id, before the number. */
function messageIdRule({ messageId = 'author' }: ForeignPubsubOptions): { msgIdFn?: (message: Message) => Uint8Array } {
  if (messageId === 'own') return {}
  if (messageId === 'data') return { msgIdFn: ({ data }) => new Uint8Array(createHash('sha256').update(data).digest()) }
  return { msgIdFn: (message) => (message.type === 'signed' ? authorAndNumber(message) : new Uint8Array(0)) }
}

function authorAndNumber({ from, sequenceNumber }: Extract<Message, { type: 'signed' }>): Uint8Array {
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(sequenceNumber)
  return new Uint8Array(Buffer.concat([from.toMultihash().bytes, number]))
}

function digestOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

type Registrar = GossipSubComponents['registrar']

/** The registrar, but every stream that pubsub gets through it is listened to. */
function tapRegistrar(registrar: Registrar, tally: RpcTally): Registrar {
  const tapped = Object.create(registrar) as Registrar
  tapped.handle = (protocols, handler, options) =>
    registrar.handle(
      protocols,
      (stream, connection) => {
        const peer = connection.remotePeer.toString()
        tapReceived(stream, tally.listener(peer, 'received', stream.protocol))
        return handler(stream, tapConnection(connection, tally))
      },
      options
    )
  tapped.register = (protocol, topology, options) =>
    registrar.register(
      protocol,
      {
        ...topology,
        onConnect: (peer, connection) => topology.onConnect?.(peer, tapConnection(connection, tally))
      } satisfies Topology,
      options
    )
  return tapped
}

/** What has arrived goes to the listeners that are there soon after the first one is, so ours comes with the router's. */
function tapReceived(stream: Stream, received: (bytes: Uint8Array) => void): void {
  const add = stream.addEventListener.bind(stream) as (type: string, ...rest: unknown[]) => void
  let listening = false
  stream.addEventListener = (type: string, ...rest: unknown[]): void => {
    if (type === 'message' && !listening) {
      listening = true
      add('message', ({ data }: { data: { subarray(): Uint8Array } }) => received(data.subarray()))
    }
    add(type, ...rest)
  }
}

/** FloodSub and GossipSub open streams on the connections that they are told of. */
function tapConnection(connection: Connection, tally: RpcTally): Connection {
  return new Proxy(connection, {
    get: (target, name) => {
      if (name === 'newStream') {
        return async (...args: Parameters<Connection['newStream']>) =>
          tapSent(await target.newStream(...args), target, tally)
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    }
  })
}

function tapSent(stream: Stream, connection: Connection, tally: RpcTally): Stream {
  const sent = tally.listener(connection.remotePeer.toString(), 'sent', stream.protocol)
  const send = stream.send.bind(stream)
  stream.send = (data) => {
    sent(data.subarray())
    return send(data)
  }
  return stream
}
