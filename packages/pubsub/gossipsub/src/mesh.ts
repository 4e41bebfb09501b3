import type { Message } from '@peerloom/pubsub'
import type { Context } from './context.ts'
import type { PeerState } from './peer.ts'
import type { PeerRecommender } from './px.ts'
import { shuffle } from './sample.ts'
import type { Topic } from './topic.ts'

/** Who messages of a topic are exchanged with at once: joining, leaving, GRAFT and PRUNE, and upkeep at every heartbeat. */
export class Mesh<M extends Message, Handle> {
  readonly #context: Context<M, Handle>
  readonly #recommender: PeerRecommender<M, Handle>

  constructor(context: Context<M, Handle>, recommender: PeerRecommender<M, Handle>) {
    this.#context = context
    this.#recommender = recommender
  }

  /** Peers that we published through are the first choice: they are known to be there. */
  join(topic: Topic<M, Handle>): void {
    const { degrees } = this.#context.settings
    for (const peer of topic.fanout) {
      if (topic.mesh.size < degrees.target && this.#mayGraft(peer, topic, 0)) this.#graft(peer, topic)
    }
    topic.fanout.clear()
    this.#fill(topic, degrees.target - topic.mesh.size, (peer) => this.#mayGraft(peer, topic, 0))
  }

  leave(topic: Topic<M, Handle>): void {
    for (const peer of [...topic.mesh]) this.#prune(peer, topic, this.#context.settings.unsubscribeBackoffMs, true)
  }

  /** The peer left, or is not interested any more: nothing to tell it. */
  lose(peer: PeerState<M, Handle>, topic: Topic<M, Handle>): void {
    if (!topic.mesh.delete(peer)) return
    const { host, scores } = this.#context
    scores.pruned(peer.score, topic)
    host.trace?.prune?.(peer, topic.name)
    host.meshed?.(peer, topic.name, false)
  }

  /** GRAFT (gossipsub 1.0, and 1.1 for backoffs, scores and the quota of those that we dialled). */
  grafted(peer: PeerState<M, Handle>, name: string): void {
    const { host, topics, scores, backoffs, settings } = this.#context
    const topic = topics.get(name)
    // Nothing is kept of a topic that is not ours, nor of one that the peer is not in: anybody can make up names.
    if (topic?.isSubscribed !== true || !topic.peers.has(peer) || topic.mesh.has(peer)) return
    if (peer.isDirect) return this.#refuse(peer, topic, false)
    const now = host.now()
    const until = backoffs.until(name, peer.id)
    if (until !== undefined && now < until) {
      scores.penalize(peer.score, 1)
      // So early that it can not be a matter of clocks.
      if (now < until + settings.graftFloodMs - settings.pruneBackoffMs) scores.penalize(peer.score, 1)
      return this.#refuse(peer, topic, false)
    }
    if (peer.score.value < 0) return this.#refuse(peer, topic, false)
    // In a full mesh only those get in that we chose: else whoever asks often enough takes it over.
    if (topic.mesh.size >= settings.degrees.high && !peer.outbound) return this.#refuse(peer, topic, true)
    this.#add(peer, topic)
  }

  /** PRUNE: the backoff is obeyed, up to the longest one allowed. */
  pruned(peer: PeerState<M, Handle>, name: string, backoffSeconds: number | undefined): boolean {
    const { host, topics, backoffs, settings } = this.#context
    const topic = topics.get(name)
    if (topic?.isSubscribed !== true) return false
    this.lose(peer, topic)
    const asked = backoffSeconds !== undefined && backoffSeconds > 0 ? backoffSeconds * 1000 : settings.pruneBackoffMs
    backoffs.add(name, peer.id, host.now(), asked)
    return true
  }

  /** Upkeep, once a heartbeat (gossipsub 1.1, "Mesh Maintenance"). */
  maintain(topic: Topic<M, Handle>): void {
    const { settings, tick } = this.#context
    const { degrees } = settings
    const { mesh } = topic
    for (const peer of mesh) if (peer.score.value < 0) this.#prune(peer, topic, settings.pruneBackoffMs, false)
    const slackMs = settings.backoffSlackTicks * settings.heartbeatMs
    const mayGraft = (peer: PeerState<M, Handle>): boolean => this.#mayGraft(peer, topic, slackMs)
    if (mesh.size < degrees.low) this.#fill(topic, degrees.target - mesh.size, mayGraft)
    if (mesh.size >= degrees.high) this.#cut(topic)
    if (mesh.size >= degrees.low) {
      const missing = degrees.outbound - count(mesh, isOutbound)
      if (missing > 0) this.#fill(topic, missing, (peer) => peer.outbound && mayGraft(peer))
    }
    // Topics take turns: at once, all of them would make one heartbeat in a minute a long one.
    const turn = (tick + topic.turn) % settings.opportunisticGraftTicks
    if (turn === 0 && mesh.size > 1) this.#improve(topic, mayGraft)
  }

  /** Over-subscribed: the best by score stay, then random ones, and enough of those that we dialled. */
  #cut(topic: Topic<M, Handle>): void {
    const { settings, random } = this.#context
    const { target, score: byScore, outbound } = settings.degrees
    if (target === topic.mesh.size) return
    const ranked = shuffle([...topic.mesh], random).toSorted((a, b) => b.score.value - a.score.value)
    shuffle(ranked, random, byScore)
    const kept = ranked.slice(0, target)
    const spare = ranked.slice(target).filter(isOutbound)
    let missing = outbound - kept.filter(isOutbound).length
    // In place of random ones first, the last of them before.
    for (let at = kept.length - 1; at >= 0 && missing > 0 && spare.length > 0; at--) {
      if (kept[at]?.outbound === true) continue
      kept[at] = spare.shift() as PeerState<M, Handle>
      missing--
    }
    const stays = new Set(kept)
    for (const peer of ranked) if (!stays.has(peer)) this.#prune(peer, topic, settings.pruneBackoffMs, true)
  }

  /** Opportunistic grafting: a mesh of bad peers does not get better by itself. */
  #improve(topic: Topic<M, Handle>, mayGraft: (peer: PeerState<M, Handle>) => boolean): void {
    const { settings, scores } = this.#context
    const ranked = [...topic.mesh].map((peer) => peer.score.value).toSorted((a, b) => a - b)
    const median = ranked[ranked.length >> 1] as number
    if (median >= scores.thresholds.opportunisticGraft) return
    this.#fill(topic, settings.opportunisticGraftPeers, (peer) => peer.score.value > median && mayGraft(peer))
  }

  #fill(topic: Topic<M, Handle>, missing: number, mayGraft: (peer: PeerState<M, Handle>) => boolean): void {
    if (missing <= 0) return
    topic.peers.draw(missing, this.#context.random, (peer) => {
      if (!mayGraft(peer) || topic.mesh.has(peer)) return false
      this.#graft(peer, topic)
      return true
    })
  }

  #mayGraft(peer: PeerState<M, Handle>, topic: Topic<M, Handle>, slackMs: number): boolean {
    const { backoffs, host } = this.#context
    if (!peer.isMeshable || peer.score.value < 0 || peer.isGone) return false
    return backoffs.isOver(topic.name, peer.id, host.now(), slackMs)
  }

  #add(peer: PeerState<M, Handle>, topic: Topic<M, Handle>): void {
    const { host, scores } = this.#context
    topic.mesh.add(peer)
    scores.grafted(peer.score, topic, host.now())
    host.trace?.graft?.(peer, topic.name)
    host.meshed?.(peer, topic.name, true)
  }

  #graft(peer: PeerState<M, Handle>, topic: Topic<M, Handle>): void {
    this.#add(peer, topic)
    this.#context.outbox.graft(peer, topic.name)
  }

  #prune(peer: PeerState<M, Handle>, topic: Topic<M, Handle>, backoffMs: number, recommends: boolean): void {
    this.lose(peer, topic)
    this.#tell(peer, topic, backoffMs, recommends)
  }

  #refuse(peer: PeerState<M, Handle>, topic: Topic<M, Handle>, recommends: boolean): void {
    this.#tell(peer, topic, this.#context.settings.pruneBackoffMs, recommends)
  }

  #tell(peer: PeerState<M, Handle>, topic: Topic<M, Handle>, backoffMs: number, recommends: boolean): void {
    const { host, backoffs, outbox } = this.#context
    const { name } = topic
    backoffs.add(name, peer.id, host.now(), backoffMs)
    // GossipSub 1.0 knows of nothing but the topic.
    if (!peer.features.exchange) return outbox.prune(peer, { topic: name })
    const backoffSeconds = Math.ceil(backoffMs / 1000)
    const others = recommends ? this.#recommender.choose(topic, peer) : []
    outbox.prune(
      peer,
      others.length === 0 ? { topic: name, backoffSeconds } : { topic: name, backoffSeconds, peers: others }
    )
  }
}

const isOutbound = (peer: { readonly outbound: boolean }): boolean => peer.outbound

function count<T>(items: Iterable<T>, holds: (item: T) => boolean): number {
  let found = 0
  for (const item of items) if (holds(item)) found++
  return found
}
