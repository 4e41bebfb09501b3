import type { Message, MessageId } from './message.ts'
import type { OutboundQueue } from './outbound-queue.ts'
import type { PeerExchange, Rpc, SubscriptionChange } from './rpc.ts'

/**
 * What became of a message, or of one copy of it: `reject` blames who sent it, `ignore` and `throttled` do not. What was
 * throttled (no room to look at it) counts as never seen, so that it can come again.
 */
export type Verdict = 'accept' | 'reject' | 'ignore' | 'throttled'

/** A peer as it joins a router. */
export interface PeerInit<Handle> {
  /** Its peer id as a map key; scores and backoffs are kept under it when it comes back. */
  readonly id: string
  /** The host's own: a stream, a node of a simulation. The router only carries it. */
  readonly handle: Handle
  /** The protocol that the peer was found to speak, one of `Router.protocols`. */
  readonly protocol: string
  /** We dialled it. */
  readonly outbound: boolean
  /** The addresses it is connected from, for scores that count peers of one address. */
  readonly ips?: readonly string[]
}

/** A peer as the router knows it: the one record of it, so that forgetting the peer is one delete. */
export interface RouterPeer<M extends Message = Message, Handle = unknown> {
  readonly id: string
  readonly handle: Handle
  readonly protocol: string
  readonly outbound: boolean
  /** Filled by the router, emptied by the host. */
  readonly queue: OutboundQueue<M>
  readonly topics: ReadonlySet<string>
  /** What it subscribed to, as it would tell it anew. */
  subscriptions(): SubscriptionChange[]
}

/** A peer that another recommends. */
export interface Recommended extends PeerExchange {
  readonly by: string
}

/**
 * What a router lives in. Everything that it learns of the world and does to it goes through here, so the same router runs on
 * streams and in a simulation. Calls are synchronous; none of them may call back into the router but by `done`.
 */
export interface RouterHost<M extends Message, Handle> {
  /** Milliseconds, never going backwards. */
  now(): number
  /** In 0 .. 1, 1 excluded. */
  random(): number
  /** There is something in the queue of the peer, and there was nothing before. */
  wake(peer: RouterPeer<M, Handle>): void
  /**
   * Is this copy what its author made (signature, fields)? Calls `done` once, at once or later. The verdict is on the copy
   * alone: anyone can make a forged one under the id of a good one, so with anything but `accept` the id stays unknown and
   * the next copy is asked about. Left out: every copy is genuine.
   */
  verify?(message: M, from: RouterPeer<M, Handle>, done: (verdict: Verdict) => void): void
  /** Is asked once for each id, with its first genuine copy, and judges the message; calls `done` once, at once or later. */
  validate(message: M, from: RouterPeer<M, Handle>, done: (verdict: Verdict) => void): void
  /** A message of a topic that we subscribed to, the first time and accepted. */
  deliver(message: M, from: RouterPeer<M, Handle>): void
  /** Peers worth a connection: recommended ones, whose records are not verified yet, or explicit ones that are gone. */
  connect(peers: readonly (Recommended | string)[]): void
  /** What to recommend the peer by: its id and its signed record. Nothing, without one: nobody takes unsigned ones. */
  exchange?(peer: RouterPeer<M, Handle>): PeerExchange | undefined
  /** The peer's part of the agreement is broken beyond repair (its control queue is over the bound): end its stream. */
  drop(peer: RouterPeer<M, Handle>, reason: string): void
  /** The peer is in the mesh of a topic, or is not any more: connections of mesh peers are worth keeping. */
  meshed?(peer: RouterPeer<M, Handle>, topic: string, isMember: boolean): void
  /** The peer subscribed, or left: what applications see as changes of subscriptions. */
  subscribed?(peer: RouterPeer<M, Handle>, topic: string, isSubscribed: boolean): void
  readonly trace?: RouterTrace<M, Handle>
}

export type DropReason = 'full' | 'unsubscribed' | 'score' | 'limit' | 'backoff' | 'unknown-topic'

/** Called as things happen, for metrics, traces and simulations. All are optional, and none may call into the router. */
export interface RouterTrace<M extends Message, Handle> {
  graft?(peer: RouterPeer<M, Handle>, topic: string): void
  prune?(peer: RouterPeer<M, Handle>, topic: string): void
  duplicate?(message: M, from: RouterPeer<M, Handle>): void
  verdict?(message: M, from: RouterPeer<M, Handle>, verdict: Verdict): void
  /** Something to send did not fit into a peer's queue, or made room for what is more urgent. */
  dropped?(peer: RouterPeer<M, Handle>, count: number): void
  ihave?(peer: RouterPeer<M, Handle>, ids: number, direction: 'sent' | 'received'): void
  iwant?(peer: RouterPeer<M, Handle>, ids: number, direction: 'sent' | 'received'): void
  idontwant?(peer: RouterPeer<M, Handle>, ids: number, direction: 'sent' | 'received'): void
  /** A message that was asked for came, or did not in time. */
  promise?(peer: RouterPeer<M, Handle>, id: MessageId, kept: boolean): void
  /** How long a heartbeat took is the host's to measure. */
  heartbeat?(): void
}

/**
 * Decides who gets what: FloodSub, GossipSub. Pure (rule R6): RPCs and time come in by calls, what is to be sent goes into
 * the queues of peers, everything else to the host.
 */
export interface Router<M extends Message, Handle> {
  /** Protocol ids, the most wanted first. */
  readonly protocols: readonly string[]
  /** How often `heartbeat` is to be called, in ms. */
  readonly heartbeatMs: number
  readonly peers: ReadonlyMap<string, RouterPeer<M, Handle>>
  /** A stream to the peer is open: our subscriptions are in its queue when this returns. Throws when the id is known. */
  addPeer(peer: PeerInit<Handle>): RouterPeer<M, Handle>
  removePeer(peer: RouterPeer<M, Handle>): void
  /** The peer sends on a new stream, and its next RPC is the first one again. Not needed before the first stream. */
  restarted(peer: RouterPeer<M, Handle>): void
  /** An RPC of a peer, decoded and inside the limits. */
  receive(from: RouterPeer<M, Handle>, rpc: Rpc<M>): void
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  /** A message of our own, signed and with its id. Gives who it was queued for. */
  publish(message: M): RouterPeer<M, Handle>[]
  /** Peers that subscribed to the topic. */
  subscribers(topic: string): RouterPeer<M, Handle>[]
  heartbeat(): void
  /** A serialisable picture of what it knows. */
  inspect(): unknown
}
