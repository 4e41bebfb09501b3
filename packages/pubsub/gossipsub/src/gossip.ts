import { controlEntryBytes, type Control, type IHave, type Message, type MessageId } from '@peerloom/pubsub'
import type { Context } from './context.ts'
import type { PartialMessages } from './extensions/partial.ts'
import type { PeerState } from './peer.ts'
import { Promises } from './promises.ts'
import { sample, shuffle } from './sample.ts'
import type { Topic } from './topic.ts'

/**
 * What peers outside of the mesh hear: which messages there are (IHAVE), and the messages if they ask (IWANT). So a message
 * gets to those whose mesh fails them (gossipsub 1.0, "Gossip Propagation"; 1.1, "Adaptive Gossip Dissemination").
 */
export class Gossip<M extends Message, Handle> {
  readonly #context: Context<M, Handle>
  readonly #promises: Promises<M, Handle>
  #mark = 0

  constructor(context: Context<M, Handle>) {
    this.#context = context
    const { host, settings, scores, outbox, random } = context
    this.#promises = new Promises(
      {
        ask: (peer, id, counts) => {
          if (counts) scores.promised(peer.score)
          outbox.iwant(peer, id)
        },
        ended: (peer, id, kept, counts) => {
          host.trace?.promise?.(peer, id, kept)
          if (counts) this.#settled(peer, kept)
        }
      },
      settings,
      random
    )
  }

  /** Messages that were asked for and are not here yet. */
  get promised(): number {
    return this.#promises.size
  }

  /** A genuine copy of it is here. */
  arrived(id: MessageId): void {
    this.#promises.kept(id)
  }

  ihave(peer: PeerState<M, Handle>, { ihave = [] }: Control): void {
    const { settings, seen, topics, scores, host, random, outbox } = this.#context
    if (ihave.length === 0) return
    if (!peer.isDirect && peer.score.value < scores.thresholds.gossip) return
    if (++peer.ihaveRpcs > settings.maxIHaveRpcs) return
    const now = host.now()
    const asking: MessageId[] = []
    for (const { topic, ids } of ihave) {
      host.trace?.ihave?.(peer, ids.length, 'received')
      if (topics.get(topic)?.isSubscribed !== true) continue
      for (const id of ids) {
        // Every id counts, known or not: what a peer may make us look up is bounded, too.
        if (++peer.ihaveIds > settings.maxIHaveIds) break
        if (seen.get(id) === undefined && this.#promises.isToAsk(peer, id, now)) {
          this.#promises.asked(peer, id, now, false)
          asking.push(id)
        }
      }
    }
    if (asking.length === 0) return
    scores.promised(peer.score)
    this.#promises.counts(peer, asking[Math.floor(random() * asking.length)] as MessageId)
    // In random order: what the peer can not send for lack of room is not always the same.
    for (const id of shuffle(asking, random)) outbox.iwant(peer, id)
  }

  iwant(peer: PeerState<M, Handle>, { iwant = [] }: Control): void {
    const { settings, scores, cache, outbox, host } = this.#context
    if (!peer.isDirect && peer.score.value < scores.thresholds.gossip) return
    for (const ids of iwant) {
      host.trace?.iwant?.(peer, ids.length, 'received')
      for (const id of ids) {
        if (++peer.iwantIds > settings.maxIWantIds) return
        const found = cache.ask(id, peer.id)
        if (found === undefined || found.times > settings.retransmissions) continue
        // Who asks wants it, whatever it said before: it may have been misled by a forged copy.
        peer.asked(id)
        outbox.send(peer, { message: found.message, bytes: found.message.bytes }, 'gossip')
      }
    }
  }

  /** Promises that are broken, and other peers to ask. */
  tick(now: number): void {
    const { seen } = this.#context
    this.#promises.tick(now, (id) => seen.get(id) !== undefined)
  }

  /** Advertises the messages of the last heartbeats to some of the peers outside of the mesh. */
  emit(topic: Topic<M, Handle>, partial: PartialMessages<M, Handle> | undefined): void {
    const { settings, cache, outbox, random } = this.#context
    const ids = cache.gossipIds(topic)
    const parts = topic.sendsParts ? partial : undefined
    if (ids.length === 0 && parts === undefined) return
    const { maxIHaveIds, maxControlBytes } = settings
    // In random order, and with another selection for each peer when there are too many for one.
    const isWhole = ids.length <= maxIHaveIds
    const shared = isWhole ? entries(topic.name, shuffle(ids, random), maxControlBytes) : []
    this.#listeners(topic, (peer) => {
      if (parts?.gossip(topic, peer) === true) return
      const own = isWhole ? shared : entries(topic.name, sample([...ids], maxIHaveIds, random), maxControlBytes)
      for (const { ihave, bytes } of own) outbox.ihave(peer, ihave, bytes)
    })
  }

  #listeners(topic: Topic<M, Handle>, tell: (peer: PeerState<M, Handle>) => void): void {
    const { settings, random } = this.#context
    const pushedTo = topic.isSubscribed ? topic.mesh : topic.fanout
    // A mark on the peer is a look at the peer alone. Thousands of them are looked at in a heartbeat.
    const mark = ++this.#mark
    for (const peer of pushedTo) peer.pushMark = mark
    const away = topic.peers.size - pushedTo.size - topic.others
    const count = Math.max(settings.gossipPeers, Math.floor(settings.gossipFactor * away))
    topic.peers.draw(count, random, (peer) => {
      if (!peer.hearsGossip || peer.pushMark === mark) return false
      tell(peer)
      return true
    })
  }

  #settled(peer: PeerState<M, Handle>, kept: boolean): void {
    const { scores } = this.#context
    // The peer may have left, and come back as another record: who owes is who has the id.
    const score = scores.of(peer.id)
    if (score === undefined) return
    if (score.promises > 0) score.promises--
    if (!kept) scores.penalize(score, 1)
  }
}

/** An IHAVE for many peers, with the bytes that it takes of a control message. */
interface SizedIHave {
  readonly ihave: IHave
  readonly bytes: number
}

/** The ids in IHAVEs that each fit into an RPC; none for no ids. */
function entries(topic: string, ids: readonly MessageId[], maxBytes: number): SizedIHave[] {
  const all: SizedIHave[] = []
  let start = 0
  let bytes = 0
  const room = maxBytes - topic.length * 3 - 16
  const close = (end: number): void => {
    if (end === start) return
    const ihave: IHave = { topic, ids: start === 0 && end === ids.length ? ids : ids.slice(start, end) }
    all.push({ ihave, bytes: controlEntryBytes.ihave(ihave) })
    start = end
    bytes = 0
  }
  for (let at = 0; at < ids.length; at++) {
    const more = controlEntryBytes.id(ids[at] as MessageId)
    if (bytes + more > room) close(at)
    bytes += more
  }
  close(ids.length)
  return all
}
