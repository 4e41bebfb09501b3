import type { Message, MessageId } from '@peerloom/pubsub'
import { Delivery } from './delivery.ts'
import type { Topic } from './topic.ts'

/** Nobody is credited for, or blamed with, what it was judged long ago: all ids of a kind share one record. */
const judged = {
  accepted: new Delivery('accepted'),
  rejected: new Delivery('rejected'),
  ignored: new Delivery('ignored')
}

/** Copies of a message come within moments: so many of the newest ids are looked for in a map that stays in the cache. */
const maxRecent = 4096

interface Fresh {
  readonly id: MessageId
  readonly until: number
}

/**
 * Every message id of the last while, and what is known of it: the first look at a message, and the only one at most of
 * them. Ids live in three generations of half the time to live each. The youngest takes new ids, and the oldest is dropped
 * as a whole: an id costs no timer, and no work when it goes.
 */
export class Seen<M extends Message, Handle> {
  readonly #generationMs: number
  readonly #generationSize: number
  // The newest again, once the youngest generation is large.
  readonly #recent = new Map<MessageId, Delivery<M, Handle>>()
  #young = new Map<MessageId, Delivery<M, Handle>>()
  #middle: Map<MessageId, Delivery<M, Handle>> | undefined
  #old: Map<MessageId, Delivery<M, Handle>> | undefined
  #youngSince: number
  // Those whose deliveries still count for scores.
  #fresh: Fresh[] = []

  constructor(ttlMs: number, maxIds: number, now: number) {
    this.#generationMs = ttlMs / 2
    this.#generationSize = Math.max(1, Math.floor(maxIds / 3))
    this.#youngSince = now
  }

  get size(): number {
    return this.#young.size + (this.#middle?.size ?? 0) + (this.#old?.size ?? 0)
  }

  get(id: MessageId): Delivery<M, Handle> | undefined {
    return this.#recent.get(id) ?? this.#young.get(id) ?? this.#middle?.get(id) ?? this.#old?.get(id)
  }

  /** A first copy came. */
  start(id: MessageId, topic: Topic<M, Handle>, now: number): Delivery<M, Handle> {
    const delivery = new Delivery<M, Handle>('verifying', topic)
    this.#add(id, delivery, now)
    return delivery
  }

  /** Nothing is known of the id any more: none of its copies was genuine, or there was no room to look at it. */
  forget(id: MessageId): void {
    this.#recent.delete(id)
    if (!this.#young.delete(id) && this.#middle?.delete(id) !== true) this.#old?.delete(id)
  }

  /** Our own: known before anybody sends it to us. */
  own(id: MessageId, now: number): void {
    this.#add(id, judged.accepted as Delivery<M, Handle>, now)
  }

  /** The message was judged. From `until` on, all that is left of it is the verdict. */
  settle(id: MessageId, delivery: Delivery<M, Handle>, now: number, until: number): void {
    if (until > now) this.#fresh.push({ id, until })
    else this.#slim(id, delivery)
  }

  sweep(now: number): void {
    let kept = 0
    for (const entry of this.#fresh) {
      if (entry.until > now) {
        this.#fresh[kept++] = entry
        continue
      }
      const delivery = this.get(entry.id)
      if (delivery !== undefined) this.#slim(entry.id, delivery)
    }
    this.#fresh.length = kept
    if (now - this.#youngSince >= this.#generationMs) this.#rotate(now)
  }

  #add(id: MessageId, delivery: Delivery<M, Handle>, now: number): void {
    // Remembering for less time is better than not at all: then copies would go round for ever.
    if (this.#young.size >= this.#generationSize) this.#rotate(now)
    this.#young.set(id, delivery)
    if (this.#young.size <= maxRecent) return
    if (this.#recent.size >= maxRecent) this.#recent.clear()
    this.#recent.set(id, delivery)
  }

  #slim(id: MessageId, { status }: Delivery<M, Handle>): void {
    const verdict = status === 'accepted' || status === 'rejected' ? status : 'ignored'
    const shared = judged[verdict] as Delivery<M, Handle>
    if (this.#recent.has(id)) this.#recent.set(id, shared)
    for (const generation of [this.#young, this.#middle, this.#old]) {
      if (generation?.has(id) !== true) continue
      generation.set(id, shared)
      return
    }
  }

  #rotate(now: number): void {
    this.#old = this.#middle
    this.#middle = this.#young
    this.#young = new Map()
    this.#recent.clear()
    this.#youngSince = now
  }
}
