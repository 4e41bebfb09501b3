import {
  controlEntryBytes,
  controlRpcBytes,
  type IHave,
  type Message,
  type MessageId,
  type Outbound,
  type Priority,
  type Prune,
  type Rpc,
  rpcBytes,
  type RouterHost
} from '@peerloom/pubsub'
import type { PeerState } from './peer.ts'

/** An IHAVE for many peers, with its size. */
export interface SizedIHave {
  readonly ihave: IHave
  readonly bytes: number
}

/** Control messages to one peer that leave together when the call that made them is over. */
export interface Outgoing {
  readonly graft: string[]
  readonly prune: Prune[]
  readonly ihave: SizedIHave[]
  readonly iwant: MessageId[]
}

/** Everything that leaves: into the queues of peers. */
export class Outbox<M extends Message, Handle> {
  readonly #host: RouterHost<M, Handle>
  readonly #maxControlBytes: number
  readonly #maxIHaveRpcs: number
  #waiting: PeerState<M, Handle>[] = []

  constructor(host: RouterHost<M, Handle>, maxControlBytes: number, maxIHaveRpcs: number) {
    this.#host = host
    this.#maxControlBytes = maxControlBytes
    this.#maxIHaveRpcs = maxIHaveRpcs
  }

  /** False: it did not fit. The item may be shared by all peers that it goes to. */
  send(peer: PeerState<M, Handle>, item: Outbound<M>, priority: Priority): boolean {
    const { queue } = peer
    const wasEmpty = queue.length === 0
    if (queue.push(item, priority)) {
      if (wasEmpty) this.#host.wake(peer)
      return true
    }
    this.#host.trace?.dropped?.(peer, item.message)
    // Without its GRAFTs and PRUNEs the peer and we would believe in different meshes.
    if (priority === 'control') this.#host.drop(peer, 'it does not read: control messages are over the bound')
    return false
  }

  rpc(peer: PeerState<M, Handle>, rpc: Rpc<never>, priority: Priority): boolean {
    return this.send(peer, { rpc, bytes: rpcBytes(rpc) }, priority)
  }

  graft(peer: PeerState<M, Handle>, topic: string): void {
    this.#of(peer).graft.push(topic)
  }

  prune(peer: PeerState<M, Handle>, prune: Prune): void {
    this.#of(peer).prune.push(prune)
  }

  ihave(peer: PeerState<M, Handle>, ihave: SizedIHave): void {
    this.#of(peer).ihave.push(ihave)
  }

  iwant(peer: PeerState<M, Handle>, id: MessageId): void {
    this.#of(peer).iwant.push(id)
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
      peer.outgoing = { graft: [], prune: [], ihave: [], iwant: [] }
      this.#waiting.push(peer)
    }
    return peer.outgoing
  }

  #flush(peer: PeerState<M, Handle>, { graft, prune, ihave, iwant }: Outgoing): void {
    let frame = new ControlFrame()
    const cut = (bytes: number): void => {
      if (frame.bytes === 0 || frame.bytes + bytes <= this.#maxControlBytes) return
      this.#frame(peer, frame)
      frame = new ControlFrame()
    }
    for (const topic of graft) {
      const bytes = controlEntryBytes.graft(topic)
      cut(bytes)
      frame.add('graft', topic, bytes)
    }
    for (const entry of prune) {
      const bytes = controlEntryBytes.prune(entry)
      cut(bytes)
      frame.add('prune', entry, bytes)
    }
    // Gossip rides along with what is urgent: a control message more is one less that the peer will listen to.
    let wanted = 0
    while (wanted < iwant.length) {
      const ids: MessageId[] = []
      let bytes = 0
      while (wanted < iwant.length) {
        const more = controlEntryBytes.id(iwant[wanted] as MessageId)
        if (bytes + more + 8 > this.#maxControlBytes && ids.length > 0) break
        ids.push(iwant[wanted++] as MessageId)
        bytes += more
      }
      const entry = controlEntryBytes.ids(ids)
      cut(entry)
      frame.add('iwant', ids, entry)
      this.#host.trace?.iwant?.(peer, ids.length, 'sent')
    }
    let rpcs = 1
    for (const { ihave: entry, bytes } of ihave) {
      if (frame.bytes > 0 && frame.bytes + bytes > this.#maxControlBytes && ++rpcs > this.#maxIHaveRpcs) break
      cut(bytes)
      frame.add('ihave', entry, bytes)
      this.#host.trace?.ihave?.(peer, entry.ids.length, 'sent')
    }
    this.#frame(peer, frame)
  }

  #frame(peer: PeerState<M, Handle>, { control, bytes, isUrgent }: ControlFrame): void {
    if (bytes === 0) return
    const rpc: Rpc<never> = { control }
    this.send(peer, { rpc, bytes: controlRpcBytes(bytes) }, isUrgent ? 'control' : 'gossip')
  }
}

interface Entries {
  graft?: string[]
  prune?: Prune[]
  ihave?: IHave[]
  iwant?: MessageId[][]
}

/** A control message while it is filled. */
class ControlFrame {
  readonly control: Entries = {}
  bytes = 0

  get isUrgent(): boolean {
    return this.control.graft !== undefined || this.control.prune !== undefined
  }

  add<K extends keyof Entries>(kind: K, entry: NonNullable<Entries[K]>[number], bytes: number): void {
    const entries = (this.control[kind] ??= [] as Entries[K]) as unknown[]
    entries.push(entry)
    this.bytes += bytes
  }
}
