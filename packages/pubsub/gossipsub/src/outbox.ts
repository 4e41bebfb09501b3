import {
  controlEntryBytes,
  controlRpcBytes,
  type IHave,
  type Message,
  type MessageId,
  type Outbound,
  type Priority,
  type Prune,
  type RouterHost,
  type Rpc,
  rpcBytes
} from '@peerloom/pubsub'
import type { PeerState } from './peer.ts'
import type { Scores } from './score/scores.ts'

/** Control messages to one peer that leave together when the call that made them is over. */
export class Outgoing {
  graft: string[] | undefined
  prune: Prune[] | undefined
  ihave: IHave[] | undefined
  iwant: MessageId[] | undefined
  /** Of all of them, inside of the control message, but for what IWANT takes beyond its ids. */
  bytes = 0
}

/** Everything that leaves: into the queues of peers. */
export class Outbox<M extends Message, Handle> {
  readonly #host: RouterHost<M, Handle>
  readonly #scores: Scores
  readonly #maxControlBytes: number
  readonly #maxIHaveRpcs: number
  #waiting: PeerState<M, Handle>[] = []

  constructor(host: RouterHost<M, Handle>, scores: Scores, maxControlBytes: number, maxIHaveRpcs: number) {
    this.#host = host
    this.#scores = scores
    this.#maxControlBytes = maxControlBytes
    this.#maxIHaveRpcs = maxIHaveRpcs
  }

  /** False: it did not fit. The item may be shared by all peers that it goes to. */
  send(peer: PeerState<M, Handle>, item: Outbound<M>, priority: Priority): boolean {
    const { queue } = peer
    const wasEmpty = queue.length === 0
    const { dropped } = queue
    const hasRoom = queue.push(item, priority)
    const lost = queue.dropped - dropped
    if (lost > 0) {
      this.#scores.slow(peer.score, lost)
      this.#host.trace?.dropped?.(peer, lost)
    }
    if (hasRoom) {
      if (wasEmpty) this.#host.wake(peer)
      return true
    }
    // Without its GRAFTs and PRUNEs the peer and we would believe in different meshes.
    if (priority === 'control') this.#host.drop(peer, 'it does not read: control messages are over the bound')
    return false
  }

  rpc(peer: PeerState<M, Handle>, rpc: Rpc<never>, priority: Priority): boolean {
    return this.send(peer, { rpc, bytes: rpcBytes(rpc) }, priority)
  }

  graft(peer: PeerState<M, Handle>, topic: string): void {
    const outgoing = this.#of(peer)
    ;(outgoing.graft ??= []).push(topic)
    outgoing.bytes += controlEntryBytes.graft(topic)
  }

  prune(peer: PeerState<M, Handle>, prune: Prune): void {
    const outgoing = this.#of(peer)
    ;(outgoing.prune ??= []).push(prune)
    outgoing.bytes += controlEntryBytes.prune(prune)
  }

  /** With its size: the entry may be one for many peers. */
  ihave(peer: PeerState<M, Handle>, entry: IHave, bytes: number): void {
    const outgoing = this.#of(peer)
    ;(outgoing.ihave ??= []).push(entry)
    outgoing.bytes += bytes
  }

  iwant(peer: PeerState<M, Handle>, id: MessageId): void {
    const outgoing = this.#of(peer)
    ;(outgoing.iwant ??= []).push(id)
    outgoing.bytes += controlEntryBytes.id(id)
  }

  /** Is the last thing that every call into the router does. */
  flush(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const peer of waiting) {
      const outgoing = peer.outgoing as Outgoing
      peer.outgoing = undefined
      if (!peer.isGone) this.#flush(peer, outgoing)
    }
  }

  #of(peer: PeerState<M, Handle>): Outgoing {
    if (peer.outgoing === undefined) {
      peer.outgoing = new Outgoing()
      this.#waiting.push(peer)
    }
    return peer.outgoing
  }

  /** Gossip rides along with what is urgent: peers count the control messages that they listen to. */
  #flush(peer: PeerState<M, Handle>, outgoing: Outgoing): void {
    if (outgoing.bytes + frameOf(outgoing.iwant) > this.#maxControlBytes) this.#split(peer, outgoing)
    else this.#send(peer, outgoing)
  }

  #split(peer: PeerState<M, Handle>, { graft = [], prune = [], ihave = [], iwant = [] }: Outgoing): void {
    const urgent = new Pieces(this.#maxControlBytes)
    for (const topic of graft) (urgent.for(controlEntryBytes.graft(topic)).graft ??= []).push(topic)
    for (const entry of prune) (urgent.for(controlEntryBytes.prune(entry)).prune ??= []).push(entry)
    const gossip = new Pieces(this.#maxControlBytes)
    for (const id of iwant) (gossip.for(controlEntryBytes.id(id)).iwant ??= []).push(id)
    for (const entry of ihave) (gossip.for(controlEntryBytes.ihave(entry)).ihave ??= []).push(entry)
    for (const piece of urgent.all) this.#send(peer, piece)
    for (const piece of gossip.all.slice(0, this.#maxIHaveRpcs)) this.#send(peer, piece)
  }

  #send(peer: PeerState<M, Handle>, { graft, prune, ihave, iwant, bytes }: Outgoing): void {
    const control = { ihave, iwant: iwant && [iwant], graft, prune }
    const isUrgent = graft !== undefined || prune !== undefined
    this.send(
      peer,
      { rpc: { control }, bytes: controlRpcBytes(bytes + frameOf(iwant)) },
      isUrgent ? 'control' : 'gossip'
    )
    const { trace } = this.#host
    if (trace === undefined) return
    for (const { ids } of ihave ?? []) trace.ihave?.(peer, ids.length, 'sent')
    if (iwant !== undefined) trace.iwant?.(peer, iwant.length, 'sent')
  }
}

/** What IWANT takes beyond its ids, which are counted one by one. */
function frameOf(iwant: readonly MessageId[] | undefined): number {
  if (iwant === undefined) return 0
  let bytes = 0
  for (const id of iwant) bytes += controlEntryBytes.id(id)
  return controlEntryBytes.ids(iwant) - bytes
}

/** As many control messages as it takes, each up to a bound. */
class Pieces {
  readonly #maxBytes: number
  readonly all: Outgoing[] = []

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Where an entry of so many bytes goes. */
  for(bytes: number): Outgoing {
    let piece = this.all.at(-1)
    if (piece === undefined || piece.bytes + bytes > this.#maxBytes) {
      piece = new Outgoing()
      this.all.push(piece)
    }
    piece.bytes += bytes
    return piece
  }
}
