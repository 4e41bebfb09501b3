import type { Message, PartialMessage } from '@peerloom/pubsub'
import type { Context } from '../context.ts'
import type { PeerState } from '../peer.ts'
import type { PartialWish, Topic } from '../topic.ts'

/** What the application makes of the parts of a message. It keeps the parts; the router keeps who was told of which. */
export interface PartialApplication<M extends Message = Message, Handle = unknown> {
  /**
   * A peer sent a part, or which parts it has and wants. Is to return soon, and may call `publishPartial` to spread what is
   * new. `reject` blames the peer as for an invalid message.
   */
  received(message: PartialMessage, from: PeerState<M, Handle>): 'accept' | 'ignore' | 'reject'
  /** What we want of a topic, asked when it is subscribed to. Default: whole messages, as without the extension. */
  wish?(topic: string): PartialWish | undefined
  /** Groups that peers may start in a topic before we publish to them. Default 255. */
  readonly maxPeerGroups?: number
  /** Those that one peer may start in a topic. Default 8. */
  readonly maxGroupsPerPeer?: number
  /** Groups of our own in a topic; over that, the oldest is forgotten. Default 1,024. */
  readonly maxOwnGroups?: number
  /** Heartbeats that a group is remembered after the last we published to it. Default 5. */
  readonly groupTicks?: number
  /** Bytes of a group's name that a peer may choose. Default 128. */
  readonly maxGroupIdBytes?: number
  /** Bytes of metadata that are kept for a peer in a group. Default 4,096. */
  readonly maxMetadataBytes?: number
}

/** What to send of a group. */
export interface PartialContent<M extends Message, Handle> {
  /** Which parts we have and want. */
  readonly partsMetadata: Uint8Array
  /** The part for a peer that asks for parts, given what it last said it has and wants, if it did. */
  part?(peer: PeerState<M, Handle>, theirs: Uint8Array | undefined): Uint8Array | undefined
}

/** What passed between a peer and us in a group. */
interface Exchange {
  /** The last metadata that it got from us, by reference: the same array is not sent twice. */
  told?: Uint8Array
  /** The last that it sent: a later one replaces an earlier. */
  theirs?: Uint8Array
}

interface Group<M extends Message, Handle> {
  readonly id: Uint8Array
  /** What we last published; undefined: only peers did. */
  own: Uint8Array | undefined
  startedBy: PeerState<M, Handle> | undefined
  expiresTick: number
  readonly peers: Map<PeerState<M, Handle>, Exchange>
}

const defaults = {
  maxPeerGroups: 255,
  maxGroupsPerPeer: 8,
  maxOwnGroups: 1024,
  groupTicks: 5,
  maxGroupIdBytes: 128,
  maxMetadataBytes: 4096
}

const keyOf = (id: Uint8Array): string => String.fromCharCode(...id)

/**
 * Messages that travel in parts (partial messages extension): a peer that asks for parts gets those that it lacks, and hears
 * which ones we have instead of IHAVE and IDONTWANT.
 */
export class PartialMessages<M extends Message, Handle> {
  readonly #context: Context<M, Handle>
  readonly #application: PartialApplication<M, Handle>
  readonly #limits: typeof defaults
  readonly #topics = new Map<string, Map<string, Group<M, Handle>>>()

  constructor(context: Context<M, Handle>, application: PartialApplication<M, Handle>) {
    this.#context = context
    this.#application = application
    this.#limits = { ...defaults, ...pick(application) }
  }

  get size(): number {
    let size = 0
    for (const groups of this.#topics.values()) size += groups.size
    return size
  }

  received(from: PeerState<M, Handle>, message: PartialMessage): void {
    const { topics, scores } = this.#context
    const { topic: name, groupId, partsMetadata } = message
    const topic = topics.get(name)
    if (topic?.isSubscribed !== true || from.announced.partialMessages !== true) return
    if (groupId.length > this.#limits.maxGroupIdBytes) return
    if (partsMetadata !== undefined && partsMetadata.length > this.#limits.maxMetadataBytes) return
    const group = this.#of(name, groupId, from)
    if (group === undefined) return
    const exchange = group.peers.get(from) ?? {}
    group.peers.set(from, exchange)
    // A copy: what comes from the wire may be a few bytes of a large frame.
    if (partsMetadata !== undefined) exchange.theirs = partsMetadata.slice()
    if (this.#application.received(message, from) === 'reject') scores.invalid(from.score, topic)
  }

  /** Sends to the mesh what is new to each peer: the part that it lacks if it asks for parts, and our metadata. */
  publish(topic: Topic<M, Handle>, groupId: Uint8Array, content: PartialContent<M, Handle>): PeerState<M, Handle>[] {
    const group = this.#own(topic.name, groupId)
    group.own = content.partsMetadata
    const reached: PeerState<M, Handle>[] = []
    for (const peer of topic.isSubscribed ? topic.mesh : topic.fanout) {
      if (!this.#takesPart(peer, topic)) continue
      const exchange = group.peers.get(peer) ?? {}
      group.peers.set(peer, exchange)
      const part = peer.requestsPartial(topic.name) ? content.part?.(peer, exchange.theirs) : undefined
      if (this.#send(topic, group, peer, exchange, part)) reached.push(peer)
    }
    return reached
  }

  /** In place of IHAVE, tells a peer that asks for parts what we have of them. False: it does not ask for parts. */
  gossip(topic: Topic<M, Handle>, peer: PeerState<M, Handle>): boolean {
    if (!peer.requestsPartial(topic.name)) return false
    for (const group of this.#topics.get(topic.name)?.values() ?? []) {
      if (group.own === undefined) continue
      const exchange = group.peers.get(peer) ?? {}
      group.peers.set(peer, exchange)
      this.#send(topic, group, peer, exchange, undefined)
    }
    return true
  }

  tick(): void {
    const { tick } = this.#context
    for (const [topic, groups] of this.#topics) {
      for (const [key, group] of groups) if (group.expiresTick <= tick) groups.delete(key)
      if (groups.size === 0) this.#topics.delete(topic)
    }
  }

  gone(peer: PeerState<M, Handle>): void {
    for (const groups of this.#topics.values()) {
      for (const [key, group] of groups) {
        group.peers.delete(peer)
        if (group.startedBy === peer && group.own === undefined) groups.delete(key)
      }
    }
  }

  #takesPart(peer: PeerState<M, Handle>, { name, wish, sendsParts }: Topic<M, Handle>): boolean {
    return (wish.requests === true && peer.supportsPartial(name)) || (sendsParts && peer.requestsPartial(name))
  }

  #send(
    topic: Topic<M, Handle>,
    group: Group<M, Handle>,
    peer: PeerState<M, Handle>,
    exchange: Exchange,
    part: Uint8Array | undefined
  ): boolean {
    const metadata = exchange.told === group.own ? undefined : group.own
    if (metadata === undefined && part === undefined) return false
    const partial: PartialMessage = {
      topic: topic.name,
      groupId: group.id,
      ...(part && { part }),
      ...(metadata && { partsMetadata: metadata })
    }
    if (!this.#context.outbox.rpc(peer, { partial }, part === undefined ? 'gossip' : 'forward')) return false
    if (group.own !== undefined) exchange.told = group.own
    return true
  }

  /** The group that a peer speaks of. Undefined: it would be one too many. */
  #of(topic: string, id: Uint8Array, from: PeerState<M, Handle>): Group<M, Handle> | undefined {
    const groups = this.#topics.get(topic)
    const known = groups?.get(keyOf(id))
    if (known !== undefined) return known
    let byPeers = 0
    let byPeer = 0
    for (const { own, startedBy } of groups?.values() ?? []) {
      if (own === undefined) byPeers++
      if (own === undefined && startedBy === from) byPeer++
    }
    if (byPeers >= this.#limits.maxPeerGroups || byPeer >= this.#limits.maxGroupsPerPeer) return undefined
    return this.#start(topic, id.slice(), from)
  }

  #own(topic: string, id: Uint8Array): Group<M, Handle> {
    const groups = this.#topics.get(topic)
    const group = groups?.get(keyOf(id)) ?? this.#start(topic, id, undefined)
    group.expiresTick = this.#context.tick + this.#limits.groupTicks
    const all = this.#topics.get(topic) as Map<string, Group<M, Handle>>
    if (all.size > this.#limits.maxOwnGroups + this.#limits.maxPeerGroups) {
      for (const [key, { own }] of all) {
        if (own === undefined) continue
        all.delete(key)
        break
      }
    }
    return group
  }

  #start(topic: string, id: Uint8Array, startedBy: PeerState<M, Handle> | undefined): Group<M, Handle> {
    let groups = this.#topics.get(topic)
    if (groups === undefined) this.#topics.set(topic, (groups = new Map()))
    const expiresTick = this.#context.tick + this.#limits.groupTicks
    const group: Group<M, Handle> = { id, own: undefined, startedBy, expiresTick, peers: new Map() }
    groups.set(keyOf(id), group)
    return group
  }
}

function pick(application: object): Partial<typeof defaults> {
  const given = application as Partial<typeof defaults>
  return Object.fromEntries(
    (Object.keys(defaults) as (keyof typeof defaults)[])
      .filter((name) => given[name] !== undefined)
      .map((name) => [name, given[name]])
  )
}
