import { setImmediate } from 'node:timers/promises'
import { createHash } from 'node:crypto'
import { floodsub } from '@peerloom/floodsub'
import {
  type Gossipsub,
  gossipsub,
  type GossipsubOptions,
  GossipsubRouter,
  type PartialWish
} from '@peerloom/gossipsub'
import {
  type ChannelReader,
  type Connection,
  defineModule,
  type Module,
  type NodeContext,
  type PubSub,
  type PubSubMessage,
  type Stream
} from '@peerloom/interface'
import { PubSubService } from '@peerloom/pubsub'
import type {
  ForeignMessage,
  ForeignPubsub,
  ForeignPubsubOptions,
  MessageParts,
  PartialUse,
  PubsubTraffic
} from './foreign-pubsub.ts'
import type { CommandOptions } from './foreign-peer.ts'
import { MessageInParts } from './message-in-parts.ts'
import { type OnRpc, RpcTally } from './rpc-tally.ts'

const maxMessages = 8192
const maxGroups = 256
const messageIds = { author: 'spec', data: 'content', own: undefined } as const
const isGossipsub = (service: PubSub): service is Gossipsub => 'publishPartial' in service
const isPubsub = (protocol: string): boolean => /^\/(meshsub|floodsub)\//.test(protocol)

/** Our pubsub, seen from outside: what it sends and gets is counted on the streams. `module` goes into the services of a node. */
export class PeerloomPubsub implements ForeignPubsub {
  readonly module: Module<PubSub>
  readonly #options: ForeignPubsubOptions
  readonly #tally: RpcTally
  readonly #messages: ForeignMessage[] = []
  readonly #groups = new Map<string, MessageInParts>()
  readonly #wishes = new Map<string, PartialWish>()
  #service: PubSubService | undefined

  constructor(options: ForeignPubsubOptions, onRpc?: OnRpc) {
    this.#options = options
    this.#tally = new RpcTally(onRpc)
    const router = options.router === 'floodsub' ? floodsub(signing(options)) : gossipsub(this.#gossipsubOptions())
    this.module = defineModule({
      name: router.moduleName,
      options: router.options,
      create: (node) => {
        const service = router(tapNode(node, this.#tally))
        if (!(service instanceof PubSubService)) throw new Error('pubsub is not a PubSubService')
        service.addEventListener('message', ({ detail }) => this.#keep(detail))
        return (this.#service = service)
      }
    })
  }

  async subscribe(topic: string, options?: CommandOptions & { readonly partial?: PartialUse }): Promise<void> {
    const service = this.#required()
    const { rejectPrefix } = this.#options
    if (rejectPrefix !== undefined) {
      const prefix = Buffer.from(rejectPrefix)
      // Not at once: a message that is judged at once needs no IDONTWANT.
      service.addValidator(topic, async ({ data }) => {
        await setImmediate()
        return prefix.equals(data.subarray(0, prefix.length)) ? 'reject' : 'accept'
      })
    }
    if (options?.partial !== undefined) {
      this.#wishes.set(topic, { supports: true, requests: options.partial === 'requests' })
    }
    service.subscribe(topic)
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#required().unsubscribe(topic)
  }

  async publish(topic: string, data: Uint8Array): Promise<void> {
    await this.#required().publish(topic, data)
  }

  async peers(topic: string): Promise<readonly string[]> {
    return this.#required().peers(topic).map(String)
  }

  async mesh(topic: string): Promise<readonly string[]> {
    const { router } = this.#required()
    if (!(router instanceof GossipsubRouter)) return []
    return router.inspect().topics.find(({ topic: name }) => name === topic)?.mesh ?? []
  }

  async messages(): Promise<readonly ForeignMessage[]> {
    return [...this.#messages]
  }

  async traffic(): Promise<PubsubTraffic> {
    const { router } = this.#required()
    if (!(router instanceof GossipsubRouter)) return this.#tally.traffic(() => undefined)
    const { peers } = router.inspect()
    return this.#tally.traffic((peer) => peers.find(({ id }) => id === peer)?.score)
  }

  async publishParts(topic: string, group: Uint8Array, parts: MessageParts): Promise<void> {
    const message = this.#group(topic, group)
    message.add(parts)
    this.#announce(topic, group, message)
  }

  async parts(topic: string, group: Uint8Array): Promise<MessageParts> {
    return this.#group(topic, group).parts
  }

  #required(): PubSubService {
    if (this.#service === undefined) throw new Error('started without pubsub')
    return this.#service
  }

  #gossipsubOptions(): GossipsubOptions {
    const { d, dLow, dHigh, dLazy, heartbeatMs, scoredTopic, pruneBackoffMs, unsubscribeBackoffMs } = this.#options
    return {
      ...signing(this.#options),
      floodPublish: this.#options.floodPublish === true,
      peerExchange: this.#options.px === true,
      ...(d === undefined || dLow === undefined || dHigh === undefined
        ? {}
        : {
            degrees: {
              target: d,
              low: dLow,
              high: dHigh,
              score: Math.min(4, d),
              outbound: Math.max(0, Math.min(2, dLow - 1, Math.floor(d / 2) - 1))
            }
          }),
      ...(dLazy === undefined ? {} : { gossipPeers: dLazy }),
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
      ...(pruneBackoffMs === undefined ? {} : { pruneBackoffMs }),
      ...(unsubscribeBackoffMs === undefined ? {} : { unsubscribeBackoffMs }),
      ...(this.#options.idontwantBytes === undefined ? {} : { dontWantBytes: this.#options.idontwantBytes }),
      score:
        scoredTopic === undefined
          ? false
          : {
              // One invalid message stops gossip, two hide a peer; all the peers of the rows have one address.
              topics: { [scoredTopic]: { firstDeliveriesCap: 10, timeInMeshWeight: 0, invalidWeight: -20 } },
              colocationWeight: 0,
              thresholds: { graylist: -75 }
            },
      ...(this.#options.partial === true
        ? {
            partialMessages: {
              received: (...args) => this.#receivedParts(...args),
              wish: (topic) => this.#wishes.get(topic)
            }
          }
        : {})
    }
  }

  #receivedParts: NonNullable<GossipsubOptions['partialMessages']>['received'] = ({ topic, groupId, part }) => {
    const message = this.#group(topic, groupId)
    if (part !== undefined && !message.addEncoded(part)) return 'reject'
    this.#announce(topic, groupId, message)
    return 'accept'
  }

  #announce(topic: string, group: Uint8Array, message: MessageInParts): void {
    const service = this.#required()
    if (!isGossipsub(service)) throw new Error('the router is not GossipSub')
    service.publishPartial(topic, group, {
      partsMetadata: message.metadata,
      part: (_, theirs) => message.encodedFor(theirs)
    })
  }

  #group(topic: string, group: Uint8Array): MessageInParts {
    const key = `${topic} ${Buffer.from(group).toString('hex')}`
    let found = this.#groups.get(key)
    if (found === undefined) {
      if (this.#groups.size === maxGroups) throw new Error('too many groups')
      this.#groups.set(key, (found = new MessageInParts()))
    }
    return found
  }

  #keep({ id, topic, from, seqno, receivedFrom, data }: PubSubMessage): void {
    if (receivedFrom === undefined || this.#messages.length === maxMessages) return
    this.#messages.push({
      id,
      topic,
      from: from?.toString(),
      seqno,
      via: receivedFrom.toString(),
      bytes: data.length,
      digest: createHash('sha256').update(data).digest('hex')
    })
  }
}

function signing({
  unsigned,
  messageId = 'author'
}: ForeignPubsubOptions): Pick<GossipsubOptions, 'signaturePolicy' | 'messageId'> {
  const rule = messageIds[messageId]
  return {
    signaturePolicy: unsigned === true ? 'StrictNoSign' : 'StrictSign',
    ...(rule === undefined ? {} : { messageId: rule })
  }
}

/** The node, but every stream of pubsub is listened to. */
function tapNode(node: NodeContext, tally: RpcTally): NodeContext {
  node.events.on('connection:open', (connection) => tapConnection(connection, tally))
  const { protocols } = node
  const tapped: NodeContext['protocols'] = {
    handle: (names, handler, options) =>
      protocols.handle(
        names,
        (stream, connection) => {
          tapReceived(stream, tally.listener(connection.remotePeer.toString(), 'received', stream.protocol))
          return handler(stream, connection)
        },
        options
      ),
    unhandle: (names) => protocols.unhandle(names),
    list: () => protocols.list(),
    watch: (topology) => protocols.watch(topology)
  }
  return new Proxy(node, {
    get: (target, name) => {
      if (name === 'protocols') return tapped
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    }
  })
}

function tapConnection(connection: Connection, tally: RpcTally): void {
  const open = connection.openStream.bind(connection)
  connection.openStream = async (protocols, options) => {
    const stream = await open(protocols, options)
    if (isPubsub(stream.protocol)) {
      tapSent(stream, tally.listener(connection.remotePeer.toString(), 'sent', stream.protocol))
    }
    return stream
  }
}

function tapSent(stream: Stream, sent: (bytes: Uint8Array) => void): void {
  const send = stream.send.bind(stream)
  stream.send = (bytes) => {
    sent(bytes) // before its ownership passes
    return send(bytes)
  }
}

function tapReceived(stream: Stream, received: (bytes: Uint8Array) => void): void {
  const [attach, unshift] = [stream.attach.bind(stream), stream.unshift.bind(stream)]
  /** Bytes that come again, because a reader gave them back. */
  let again = 0
  stream.unshift = (bytes) => {
    again += bytes.length
    unshift(bytes)
  }
  stream.attach = (reader) => {
    if (reader === undefined) return attach(reader)
    const tapped: ChannelReader = {
      data: (bytes) => {
        const heard = Math.min(again, bytes.length)
        again -= heard
        if (heard < bytes.length) received(bytes.subarray(heard))
        reader.data(bytes)
      },
      end: () => reader.end(),
      closed: (error) => reader.closed(error),
      drain: () => reader.drain?.()
    }
    attach(tapped)
  }
}
