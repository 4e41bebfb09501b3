import type { PubsubCheckName, PubsubColumn } from '../../src/pubsub-matrix.ts'
import { delivers, deliversUnsigned, talksToFloodsub, unsubscribes, reconnects, countsUp } from './delivery.ts'
import { holdsBack, recovers } from './gossip.ts'
import { exchangesPeers, honoursBackoff, prunesInvalid } from './mesh.ts'
import type { Cast } from './network.ts'
import { completesParts, greets } from './extensions.ts'

export type Check = (cast: Cast) => Promise<void>

export const pubsubChecks: Record<PubsubColumn, Partial<Record<PubsubCheckName, Check>>> = {
  floodsub: { delivers, 'delivers unsigned': deliversUnsigned, unsubscribes, reconnects },
  gossipsub: {
    delivers,
    'delivers unsigned': deliversUnsigned,
    'talks to floodsub': talksToFloodsub,
    'recovers by gossip': recovers,
    'holds back what is not wanted': holdsBack,
    'honours the backoff of a prune': honoursBackoff,
    'exchanges peers': exchangesPeers,
    'greets with extensions': greets,
    'completes parts': completesParts,
    'prunes who sends invalid messages': prunesInvalid,
    'counts up': countsUp,
    unsubscribes,
    reconnects
  }
}
