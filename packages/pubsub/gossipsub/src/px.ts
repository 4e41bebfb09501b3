import type { Message, PeerExchange, Prune, Recommended } from '@peerloom/pubsub'
import type { Context } from './context.ts'
import type { PeerState } from './peer.ts'
import { sample } from './sample.ts'
import type { Topic } from './topic.ts'

/** Peer exchange: a peer that is pruned hears of others (gossipsub 1.1, "Prune Backoff and Peer Exchange"). */
export class PeerRecommender<M extends Message, Handle> {
  readonly #context: Context<M, Handle>

  constructor(context: Context<M, Handle>) {
    this.#context = context
  }

  /** Whom to recommend: peers of the topic in good standing, with their signed records. */
  choose({ peers }: Topic<M, Handle>, to: PeerState<M, Handle>): PeerExchange[] {
    const { settings, host, random } = this.#context
    if (!settings.peerExchange || host.exchange === undefined || settings.prunePeers === 0) return []
    const chosen: PeerExchange[] = []
    peers.draw(settings.prunePeers, random, (peer) => {
      if (peer === to || !peer.features.mesh || peer.score.value < 0) return false
      const record = host.exchange?.(peer)
      if (record?.signedPeerRecord !== undefined) chosen.push(record)
      return true
    })
    return chosen
  }

  /**
   * Whom a peer recommends. Only peers above the threshold are listened to, and only records that are signed: else anybody
   * could have us connect to a victim, or to nobody but the friends of an attacker.
   */
  recommended(by: PeerState<M, Handle>, { peers = [] }: Prune): void {
    const { settings, scores, host, random } = this.#context
    if (by.score.value < scores.thresholds.acceptExchange) return
    const signed: Recommended[] = []
    for (const { peerId, signedPeerRecord } of peers.slice(0, 4 * settings.prunePeers)) {
      if (signedPeerRecord !== undefined) signed.push({ peerId, signedPeerRecord, by: by.id })
    }
    if (signed.length > 0) host.connect(sample(signed, settings.prunePeers, random))
  }
}
