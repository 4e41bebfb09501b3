import { PeerloomError } from '@peerloom/interface'
import { defaultOutboundQueueLimits, type Message, type OutboundQueueLimits } from '@peerloom/pubsub'
import type { PartialApplication } from './extensions/partial.ts'
import type { GaterOptions } from './gater.ts'
import type { PeerState } from './peer.ts'
import type { ScoreOptions } from './score/score-options.ts'

/** How many peers a mesh has (gossipsub 1.0 and 1.1). */
export interface MeshDegrees {
  /** D: what a mesh is filled up to, and cut down to. Default 6. */
  readonly target: number
  /** Dlo: with fewer, peers are grafted. Default 5. */
  readonly low: number
  /** Dhi: with as many, peers are pruned, and only peers that we dialled may still graft us. Default 12. */
  readonly high: number
  /** Dscore: kept for their score when a mesh is cut down. Default 4. */
  readonly score: number
  /** Dout: peers that we dialled ourselves, which nobody can choose for us. Below `low` and half of `target`. Default 2. */
  readonly outbound: number
}

export interface GossipsubRouterOptions<M extends Message = Message, Handle = unknown> {
  readonly degrees?: Partial<MeshDegrees>
  /** Time between heartbeats. Default 1,000. */
  readonly heartbeatMs?: number
  /** Own messages go to all peers of the topic with a score above the publish threshold, not to the mesh only. Default true. */
  readonly floodPublish?: boolean
  /** As long as all copies together have at most so many bytes: more of them hold each other up. Default 1 MiB. */
  readonly floodPublishBytes?: number
  /** Peers (ids) that messages always go to and are taken from: outside of meshes and scores, and kept connected. */
  readonly directPeers?: Iterable<string>
  /** Heartbeats between attempts to connect to direct peers that are gone. Default 300. */
  readonly directConnectTicks?: number
  /** Recommend other peers to those that are pruned. Default false: for well-connected nodes that others bootstrap from. */
  readonly peerExchange?: boolean
  /** The most peers in a PRUNE, and the most taken from one. Default 16. */
  readonly prunePeers?: number

  /** A peer that we left is not grafted, nor may it graft, for this long. Default 60,000. */
  readonly pruneBackoffMs?: number
  /** The same after we unsubscribed. Default 10,000. */
  readonly unsubscribeBackoffMs?: number
  /** The longest backoff that a peer may ask for. Default 3,600,000. */
  readonly maxBackoffMs?: number
  /** Heartbeats that a backoff is kept longer for, since clocks differ. Default 2. */
  readonly backoffSlackTicks?: number
  /** Backoffs kept in a topic; over that, the oldest is forgotten. Default 10,000. */
  readonly maxBackoffs?: number
  /** A GRAFT so soon after a PRUNE is worth a second penalty. Default 10,000. */
  readonly graftFloodMs?: number

  /** How long peers that messages were published through are kept, of a topic that we are not in. Default 60,000. */
  readonly fanoutTtlMs?: number
  /** Heartbeats between looks for better peers in a mesh of bad ones. Default 60. */
  readonly opportunisticGraftTicks?: number
  /** Peers grafted then. Default 2. */
  readonly opportunisticGraftPeers?: number

  /** Dlazy: the least peers outside of the mesh that hear of new messages in a heartbeat. Default 6. */
  readonly gossipPeers?: number
  /** The part of the peers outside of the mesh that hear of new messages in a heartbeat. Default 0.25. */
  readonly gossipFactor?: number
  /** Heartbeats that messages are kept for who asks. Default 5. */
  readonly historyTicks?: number
  /** Heartbeats that messages are advertised in. Default 3. */
  readonly gossipTicks?: number
  /** Bytes of messages kept for who asks; over that, the oldest go. Default 64 MiB. */
  readonly maxCachedBytes?: number
  /** How often one message is sent to a peer that asks for it. Default 3. */
  readonly retransmissions?: number
  /** Message ids that a peer may advertise to us, and that we advertise to a peer, in a heartbeat. Default 5,000. */
  readonly maxIHaveIds?: number
  /** IHAVE RPCs taken from a peer, and sent to a peer, in a heartbeat. Default 10. */
  readonly maxIHaveRpcs?: number
  /** Message ids that a peer may ask us for in a heartbeat. Default 5,000. */
  readonly maxIWantIds?: number
  /** Bytes of control messages in one RPC. Default 15 KiB: rust-libp2p takes 16. */
  readonly maxControlBytes?: number
  /** A message that was asked for comes in this time, or the promise is broken. Default 3,000. */
  readonly followUpMs?: number
  /** Another peer is asked for a message that did not come in this time. Default 500. */
  readonly patienceMs?: number
  /** Other peers remembered that have a message we asked for. Default 8. */
  readonly maxAlternatives?: number

  /** Messages of at least so many bytes are announced by IDONTWANT when they are genuine and not judged at once. Default 1,024. */
  readonly dontWantBytes?: number
  /** Those of at least so many bytes in any case: they take long to leave. Default 16 KiB. */
  readonly dontWantAtOnceBytes?: number
  /** Message ids that are taken from one RPC with IDONTWANT. Default 10. */
  readonly maxDontWantIds?: number
  /** RPCs with IDONTWANT that are taken from a peer in a heartbeat. Default 1,000. */
  readonly maxDontWantRpcs?: number
  /** Heartbeats that an IDONTWANT is good for. Default 3. */
  readonly dontWantTicks?: number
  /** Unwanted ids kept for a peer. Default 10,000. */
  readonly maxDontWant?: number

  /** Message ids are known for at least this long, and half of it longer. Default 120,000. */
  readonly seenTtlMs?: number
  /** The most message ids that are known; over that, they are known for less time. Default 1,000,000. */
  readonly maxSeen?: number
  /** Copies of a message that wait while another copy is verified. Default 8. */
  readonly maxCopies?: number
  /** Bytes of such copies, of all messages. Default 16 MiB. */
  readonly maxCopyBytes?: number
  /** Peers remembered to have sent a message, while it is validated and while such deliveries count. Default 64. */
  readonly maxDeliverers?: number

  /** Topics of a peer that count; over that, its subscriptions are ignored. Default 1,024. */
  readonly maxTopicsPerPeer?: number
  /** Characters of all topics of a peer. Default 65,536. */
  readonly maxTopicCharsPerPeer?: number
  /** Changes of subscriptions that are taken from one RPC. Default 5,000. */
  readonly maxSubscriptionsPerRpc?: number
  /**
   * Changes of subscriptions and entries of control messages of all kinds from a peer in a heartbeat; each time so many is a
   * breach (P7). Default 50,000: more than all the other bounds together.
   */
  readonly maxEntries?: number
  /** Topics that peers may subscribe to as far as we care. Default: all. */
  readonly allowTopic?: (topic: string) => boolean
  readonly queue?: Partial<OutboundQueueLimits>

  /** Scores; false for none. Defaults: see `ScoreOptions`. */
  readonly score?: ScoreOptions | false
  /** Turns messages of bad sources away while validation is short of room; true for its defaults. Default false. */
  readonly gater?: GaterOptions | boolean
  /** The application behind partial messages (1.3). Default: none, and the extension is not announced. */
  readonly partialMessages?: PartialApplication<M, Handle>
  /** Announces the test extension (1.3), and is called with each message of it. Default: not announced. */
  readonly onTestExtension?: (peer: PeerState<M, Handle>) => void
}

type Optional = 'partialMessages' | 'onTestExtension' | 'allowTopic'
type Nested = 'degrees' | 'queue' | 'directPeers' | 'score' | 'gater'

/** Options with their defaults. */
export type Settings<M extends Message, Handle> = Required<
  Omit<GossipsubRouterOptions<M, Handle>, Optional | Nested>
> & {
  readonly degrees: MeshDegrees
  readonly queue: OutboundQueueLimits
  readonly directPeers: ReadonlySet<string>
  readonly score: ScoreOptions | undefined
  readonly gater: GaterOptions | undefined
  readonly partialMessages: PartialApplication<M, Handle> | undefined
  readonly onTestExtension: ((peer: PeerState<M, Handle>) => void) | undefined
  readonly allowTopic: ((topic: string) => boolean) | undefined
}

const defaultDegrees: MeshDegrees = { target: 6, low: 5, high: 12, score: 4, outbound: 2 }

const defaults = {
  heartbeatMs: 1000,
  floodPublish: true,
  floodPublishBytes: 1024 * 1024,
  directConnectTicks: 300,
  peerExchange: false,
  prunePeers: 16,
  pruneBackoffMs: 60_000,
  unsubscribeBackoffMs: 10_000,
  maxBackoffMs: 3_600_000,
  backoffSlackTicks: 2,
  maxBackoffs: 10_000,
  graftFloodMs: 10_000,
  fanoutTtlMs: 60_000,
  opportunisticGraftTicks: 60,
  opportunisticGraftPeers: 2,
  gossipPeers: 6,
  gossipFactor: 0.25,
  historyTicks: 5,
  gossipTicks: 3,
  maxCachedBytes: 64 * 1024 * 1024,
  retransmissions: 3,
  maxIHaveIds: 5000,
  maxIHaveRpcs: 10,
  maxIWantIds: 5000,
  maxControlBytes: 15 * 1024,
  followUpMs: 3000,
  patienceMs: 500,
  maxAlternatives: 8,
  dontWantBytes: 1024,
  dontWantAtOnceBytes: 16 * 1024,
  maxDontWantIds: 10,
  maxDontWantRpcs: 1000,
  dontWantTicks: 3,
  maxDontWant: 10_000,
  seenTtlMs: 120_000,
  maxSeen: 1_000_000,
  maxCopies: 8,
  maxCopyBytes: 16 * 1024 * 1024,
  maxDeliverers: 64,
  maxTopicsPerPeer: 1024,
  maxTopicCharsPerPeer: 65_536,
  maxSubscriptionsPerRpc: 5000,
  maxEntries: 50_000
}

/** Fills in defaults. Throws `ERR_INVALID_ARGUMENT` for what cannot work. */
export function settingsOf<M extends Message, Handle>(options: GossipsubRouterOptions<M, Handle>): Settings<M, Handle> {
  const settings: Settings<M, Handle> = {
    ...defaults,
    ...options,
    degrees: { ...defaultDegrees, ...options.degrees },
    queue: { ...defaultOutboundQueueLimits, ...options.queue },
    directPeers: new Set(options.directPeers),
    score: options.score === false ? undefined : (options.score ?? {}),
    gater: options.gater === true ? {} : options.gater || undefined,
    partialMessages: options.partialMessages,
    onTestExtension: options.onTestExtension,
    allowTopic: options.allowTopic
  }
  for (const name of Object.keys(defaults) as (keyof typeof defaults)[]) {
    const value: unknown = settings[name]
    require(typeof value === typeof defaults[name] && (typeof value !== 'number' || value >= 0), name, value)
  }
  const { target, low, high, score, outbound } = settings.degrees
  require(low <= target && target <= high && score <= target, 'degrees', 'not low <= target <= high, score <= target')
  // All zero: a node that is in no mesh, as bootstrap nodes are (gossipsub 1.1, "Bootstrap").
  const isMeshless = target === 0 && outbound === 0
  require(isMeshless || (outbound < low && outbound <= target / 2), 'degrees.outbound', outbound)
  require(settings.gossipTicks <= settings.historyTicks, 'gossipTicks', settings.gossipTicks)
  for (const name of [
    'heartbeatMs',
    'historyTicks',
    'maxControlBytes',
    'directConnectTicks',
    'maxEntries',
    'opportunisticGraftTicks'
  ] as const) {
    require(settings[name] >= 1, name, settings[name])
  }
  return settings
}

function require(holds: boolean, name: string, value: unknown): void {
  if (!holds) throw new PeerloomError('ERR_INVALID_ARGUMENT', `gossipsub: ${name} is ${String(value)}`)
}
