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

/** An IHAVE for many peers, with its size. */
export interface SizedIHave {
  readonly ihave: IHave
  readonly bytes: number
}

/** Control messages to one peer that leave together when the call that made them is over. */
export class Outgoing {
  graft: string[] | undefined
  prune: Prune[] | undefined
  ihave: SizedIHave[] | undefined
  iwant: MessageId[] | undefined
  /** Of all of them, inside of the control message, but for the frame of IWANT. */
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

  ihave(peer: PeerState<M, Handle>, entry: SizedIHave): void {
    const outgoing = this.#of(peer)
    ;(outgoing.ihave ??= []).push(entry)
    outgoing.bytes += entry.bytes
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
    const { graft, prune, ihave, iwant, bytes } = outgoing
    const iwantFrame = iwant === undefined ? 0 : controlEntryBytes.ids(iwant) - idsBytes(iwant)
    if (bytes + iwantFrame > this.#maxControlBytes) return this.#split(peer, outgoing)
    const frame = new Frame()
    frame.bytes = bytes + iwantFrame
    if (graft !== undefined) frame.graft = graft
    if (prune !== undefined) frame.prune = prune
    if (iwant !== undefined) frame.iwant = iwant
    if (ihave !== undefined) frame.ihave = ihave.map((entry) => entry.ihave)
    this.#send(peer, frame)
  }

  #split(peer: PeerState<M, Handle>, { graft = [], prune = [], ihave = [], iwant = [] }: Outgoing): void {
    const urgent = new Frames(this.#maxControlBytes)
    for (const topic of graft) urgent.for(controlEntryBytes.graft(topic)).graft.push(topic)
    for (const entry of prune) urgent.for(controlEntryBytes.prune(entry)).prune.push(entry)
    for (const frame of urgent.all) this.#send(peer, frame)
    const gossip = new Frames(this.#maxControlBytes)
    for (const id of iwant) gossip.for(controlEntryBytes.id(id)).iwant.push(id)
    for (const entry of ihave) gossip.for(entry.bytes).ihave.push(entry.ihave)
    for (const frame of gossip.all.slice(0, this.#maxIHaveRpcs)) {
      if (frame.iwant.length > 0) frame.bytes += controlEntryBytes.ids(frame.iwant) - idsBytes(frame.iwant)
      this.#send(peer, frame)
    }
  }

  #send(peer: PeerState<M, Handle>, frame: Frame): void {
    const { ihave, iwant } = frame
    this.send(peer, frame.item, frame.isUrgent ? 'control' : 'gossip')
    const { trace } = this.#host
    if (trace === undefined) return
    for (const { ids } of ihave) trace.ihave?.(peer, ids.length, 'sent')
    if (iwant.length > 0) trace.iwant?.(peer, iwant.length, 'sent')
  }
}

function idsBytes(ids: readonly MessageId[]): number {
  let bytes = 0
  for (const id of ids) bytes += controlEntryBytes.id(id)
  return bytes
}

const some = <T>(entries: T[]): T[] | undefined => (entries.length > 0 ? entries : undefined)

/** What a frame has none of. */
const empty: never[] = []

/** A control message while it is filled. */
class Frame {
  graft: string[] = empty
  prune: Prune[] = empty
  ihave: IHave[] = empty
  iwant: MessageId[] = empty
  /** Of its entries, once they are known. */
  bytes = 0

  get isUrgent(): boolean {
    return this.graft.length > 0 || this.prune.length > 0
  }

  get item(): Outbound<never> {
    const control = {
      ihave: some(this.ihave),
      iwant: this.iwant.length > 0 ? [this.iwant] : undefined,
      graft: some(this.graft),
      prune: some(this.prune)
    }
    return { rpc: { control }, bytes: controlRpcBytes(this.bytes) }
  }
}

/** As many control messages as it takes, each up to a bound. */
class Frames {
  readonly #maxBytes: number
  readonly all: Frame[] = []

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Where an entry of so many bytes goes. */
  for(bytes: number): Frame {
    let frame = this.all.at(-1)
    if (frame === undefined || frame.bytes + bytes > this.#maxBytes) {
      frame = new Frame()
      frame.graft = []
      frame.prune = []
      frame.ihave = []
      frame.iwant = []
      this.all.push(frame)
    }
    frame.bytes += bytes
    return frame
  }
}
