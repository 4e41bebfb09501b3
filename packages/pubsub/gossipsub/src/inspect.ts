import type { Message } from '@peerloom/pubsub'
import type { Context } from './context.ts'

/** What the parts know that no part shares. */
interface Private {
  readonly promises: number
  readonly copyBytes: number
  readonly partialGroups: number
  readonly gaterEntries: number
}

/** A serialisable picture of a router. */
export interface GossipsubSnapshot {
  readonly ticks: number
  readonly topics: readonly {
    readonly topic: string
    readonly subscribed: boolean
    readonly peers: number
    readonly mesh: readonly string[]
    readonly fanout: readonly string[]
  }[]
  readonly peers: readonly {
    readonly id: string
    readonly protocol: string
    readonly outbound: boolean
    readonly direct: boolean
    readonly topics: number
    readonly score: number
    readonly queuedBytes: number
    readonly queued: number
    readonly dropped: number
    readonly unwanted: number
  }[]
  /** Entries of everything that remotes can grow. */
  readonly sizes: Private & {
    readonly seen: number
    readonly cached: number
    readonly cachedBytes: number
    readonly backoffs: number
    readonly retainedScores: number
    readonly ips: number
  }
}

export function snapshot<M extends Message, Handle>(context: Context<M, Handle>, hidden: Private): GossipsubSnapshot {
  const { topics, peers, seen, cache, backoffs, scores, tick } = context
  return {
    ticks: tick,
    topics: [...topics.values()].map((topic) => ({
      topic: topic.name,
      subscribed: topic.isSubscribed,
      peers: topic.peers.size,
      mesh: [...topic.mesh].map(({ id }) => id),
      fanout: [...topic.fanout].map(({ id }) => id)
    })),
    peers: [...peers.values()].map((peer) => ({
      id: peer.id,
      protocol: peer.protocol,
      outbound: peer.outbound,
      direct: peer.isDirect,
      topics: peer.topics.size,
      score: peer.score.value,
      queuedBytes: peer.queue.bytes,
      queued: peer.queue.length,
      dropped: peer.queue.dropped,
      unwanted: peer.refused
    })),
    sizes: {
      ...hidden,
      seen: seen.size,
      cached: cache.size,
      cachedBytes: cache.bytes,
      backoffs: backoffs.size,
      retainedScores: scores.retained,
      ips: scores.ips
    }
  }
}
