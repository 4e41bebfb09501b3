import { BoundedQueue } from '@peerloom/bounded'
import type { Message, MessageId } from './message.ts'
import type { Rpc } from './rpc.ts'

/** What leaves first. `control`: subscriptions, GRAFT, PRUNE, IDONTWANT; `gossip`: IHAVE, IWANT and answers to it. */
export type Priority = 'control' | 'own' | 'forward' | 'gossip'

/** One thing to send: a message, or an RPC without messages. */
export type Outbound<M extends Message> =
  | { readonly message: M; readonly rpc?: undefined; readonly bytes: number }
  | { readonly message?: undefined; readonly rpc: Rpc<never>; readonly bytes: number }

export interface OutboundQueueLimits {
  /** Bytes that wait for a peer. Default 4 MiB. */
  readonly maxBytes: number
  /** Things that wait for a peer, in each priority. Default 8,192. */
  readonly maxItems: number
}

export const defaultOutboundQueueLimits: OutboundQueueLimits = { maxBytes: 4 * 1024 * 1024, maxItems: 8192 }

const order: readonly Priority[] = ['control', 'own', 'forward', 'gossip']
const sizeOf = ({ bytes }: { readonly bytes: number }): number => bytes

type Lanes<M extends Message> = Record<Priority, BoundedQueue<Outbound<M>> | undefined>

/** Is asked when a forwarded or gossiped message is about to leave: the peer may have said IDONTWANT since. */
export interface Refusals {
  refuses(id: MessageId): boolean
}

/**
 * What is to be sent to one peer, the most urgent first. Who does not fit in makes room among what is less urgent, oldest
 * first, or is refused: a peer that does not read loses gossip, then messages, and never takes more memory.
 */
export class OutboundQueue<M extends Message> {
  readonly #limits: OutboundQueueLimits
  readonly #refusals: Refusals | undefined
  /** Mostly there is one thing at most, and it needs no lane. */
  #lanes: Lanes<M> | undefined
  #only: Outbound<M> | undefined
  #onlyPriority: Priority = 'control'
  #bytes = 0
  #length = 0
  #dropped = 0

  constructor(limits: OutboundQueueLimits = defaultOutboundQueueLimits, refusals?: Refusals) {
    this.#limits = limits
    this.#refusals = refusals
  }

  get bytes(): number {
    return this.#bytes
  }

  get length(): number {
    return this.#length
  }

  /** Things that were refused or made room, since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** False: it did not fit. Control that does not fit says that the peer is beyond help: its stream is to be reset. */
  push(item: Outbound<M>, priority: Priority): boolean {
    if (this.#length === 0 && item.bytes <= this.#limits.maxBytes) {
      this.#only = item
      this.#onlyPriority = priority
    } else {
      if (this.#only !== undefined) this.#lane(this.#onlyPriority).push(this.#only)
      this.#only = undefined
      if (!this.#makeRoom(item.bytes, priority) || !this.#lane(priority).push(item)) {
        this.#dropped++
        return false
      }
    }
    this.#bytes += item.bytes
    this.#length++
    return true
  }

  /** Takes the most urgent thing that is still wanted. */
  shift(): Outbound<M> | undefined {
    const only = this.#only
    if (only !== undefined) {
      this.#only = undefined
      this.#bytes = this.#length = 0
      return this.#isWanted(only, this.#onlyPriority) ? only : undefined
    }
    const lanes = this.#lanes
    if (this.#length === 0 || lanes === undefined) return undefined
    for (const priority of order) {
      const lane = lanes[priority]
      if (lane === undefined) continue
      for (let item = lane.shift(); item !== undefined; item = lane.shift()) {
        this.#bytes -= item.bytes
        this.#length--
        if (this.#isWanted(item, priority)) return item
      }
    }
    return undefined
  }

  clear(): void {
    this.#only = this.#lanes = undefined
    this.#bytes = this.#length = 0
  }

  #isWanted({ message }: Outbound<M>, priority: Priority): boolean {
    return message === undefined || priority === 'own' || this.#refusals?.refuses(message.id) !== true
  }

  #lane(priority: Priority): BoundedQueue<Outbound<M>> {
    const { maxItems } = this.#limits
    this.#lanes ??= { control: undefined, own: undefined, forward: undefined, gossip: undefined }
    return (this.#lanes[priority] ??= new BoundedQueue<Outbound<M>>({ maxItems, sizeOf }))
  }

  /** Evicts only when that makes the room that is needed. */
  #makeRoom(bytes: number, priority: Priority): boolean {
    const { maxBytes, maxItems } = this.#limits
    if (this.#lane(priority).length >= maxItems) return false
    let missing = this.#bytes + bytes - maxBytes
    if (missing <= 0) return true
    const lessUrgent = order.slice(order.indexOf(priority) + 1)
    if (missing > lessUrgent.reduce((sum, other) => sum + (this.#lanes?.[other]?.bytes ?? 0), 0)) return false
    for (const other of lessUrgent.toReversed()) {
      while (missing > 0) {
        const evicted = this.#lanes?.[other]?.shift()
        if (evicted === undefined) break
        missing -= evicted.bytes
        this.#bytes -= evicted.bytes
        this.#length--
        this.#dropped++
      }
    }
    return true
  }
}
