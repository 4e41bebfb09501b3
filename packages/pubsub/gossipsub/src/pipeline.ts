import type { Message, Verdict } from '@peerloom/pubsub'
import type { Context } from './context.ts'
import type { Copy, Delivery } from './delivery.ts'
import type { PeerGater } from './gater.ts'
import type { PeerState } from './peer.ts'
import type { Topic } from './topic.ts'

/** What becomes of messages that have made it. */
export interface PipelineEvents<M extends Message, Handle> {
  /** It is genuine, and will be judged. */
  genuine(message: M, delivery: Delivery<M, Handle>): void
  /** It is being judged, and that takes its time. */
  delayed(message: M, delivery: Delivery<M, Handle>): void
  /** It is good, and goes on. */
  accepted(message: M, from: PeerState<M, Handle>, topic: Topic<M, Handle>, delivery: Delivery<M, Handle>): void
}

/**
 * The way of a message: seen? verify the copy, then judge the message, once.
 *
 * An id says who made a message and which of his it is, not what is in it, so anybody can send something else under the id
 * of a message before it is here. The rules that keep such a forger from holding back the real one:
 * - An id is known from its first copy on, so that nothing is looked at twice; but until a copy is found genuine, other
 *   copies wait (a bounded number, one of a peer), and are looked at in turn. A verdict on a copy blames who sent that copy.
 * - With no genuine one among them the id is forgotten, and comes again by push or by gossip. go-libp2p-pubsub marks ids as
 *   seen after the signature, too, but verifies all copies that come until then.
 * - Nothing is said about an id (IDONTWANT, promise kept) before a copy is genuine.
 * - A forger with as many names as copies may wait can still have them all wait before the good one. Each costs him the
 *   penalty of an invalid message, the window is the time of one verification (none where that is synchronous), and gossip
 *   brings the message back.
 * Genuine is not good: what the application rejects is rejected for all, and who sent it before or after is blamed for it.
 */
export class Pipeline<M extends Message, Handle> {
  readonly #context: Context<M, Handle>
  readonly #gater: PeerGater | undefined
  readonly #events: PipelineEvents<M, Handle>
  #copyBytes = 0

  constructor(context: Context<M, Handle>, gater: PeerGater | undefined, events: PipelineEvents<M, Handle>) {
    this.#context = context
    this.#gater = gater
    this.#events = events
  }

  /** Bytes of copies that wait. */
  get copyBytes(): number {
    return this.#copyBytes
  }

  receive(from: PeerState<M, Handle>, messages: readonly M[]): void {
    const { seen } = this.#context
    for (const message of messages) {
      const delivery = seen.get(message.id)
      if (delivery === undefined) this.#first(message, from)
      else this.#again(message, from, delivery)
    }
  }

  #first(message: M, from: PeerState<M, Handle>): void {
    const { topics, seen, host } = this.#context
    const topic = topics.get(message.topic)
    if (topic?.isSubscribed !== true) return
    this.#gater?.validating()
    const delivery = seen.start(message.id, topic, host.now())
    delivery.senders = [from]
    this.#verify({ message, from }, delivery)
  }

  /** Most of what comes are copies of what is here: this is where a router spends its time. */
  #again(message: M, from: PeerState<M, Handle>, delivery: Delivery<M, Handle>): void {
    const { host, scores } = this.#context
    this.#gater?.counted(from.id, 'duplicate')
    host.trace?.duplicate?.(message, from)
    const { status, senders } = delivery
    if (status === 'rejected') return this.#blame(from, message.topic)
    if (senders === undefined || senders.length >= this.#context.settings.maxDeliverers || senders.includes(from))
      return
    senders.push(from)
    if (status === 'verifying') this.#wait(message, from, delivery)
    else if (status === 'accepted' && host.now() <= delivery.countsUntil) {
      scores.delivered(from.score, delivery.topic as Topic<M, Handle>)
    }
  }

  #wait(message: M, from: PeerState<M, Handle>, delivery: Delivery<M, Handle>): void {
    const { maxCopies, maxCopyBytes } = this.#context.settings
    const copies = (delivery.copies ??= [])
    if (copies.length >= maxCopies || this.#copyBytes + message.bytes > maxCopyBytes) return
    copies.push({ message, from })
    this.#copyBytes += message.bytes
  }

  #verify(copy: Copy<M, Handle>, delivery: Delivery<M, Handle>): void {
    const { host } = this.#context
    if (host.verify === undefined) return this.#genuine(copy, delivery)
    let isDone = false
    host.verify(copy.message, copy.from, (verdict) => {
      if (isDone) return
      isDone = true
      if (verdict === 'accept') this.#genuine(copy, delivery)
      else this.#notGenuine(copy, delivery, verdict)
    })
  }

  #notGenuine({ message, from }: Copy<M, Handle>, delivery: Delivery<M, Handle>, verdict: Verdict): void {
    const { host, seen } = this.#context
    host.trace?.verdict?.(message, from, verdict)
    this.#count(message, from, verdict)
    if (verdict === 'reject') this.#blame(from, message.topic)
    const next = delivery.copies?.shift()
    if (next === undefined) return seen.forget(message.id)
    this.#copyBytes -= next.message.bytes
    // Blame and credit begin anew: what was sent so far was something else.
    delivery.senders = [next.from, ...(delivery.copies ?? []).map((copy) => copy.from)]
    this.#verify(next, delivery)
  }

  #genuine({ message, from }: Copy<M, Handle>, delivery: Delivery<M, Handle>): void {
    for (const waiting of delivery.copies ?? []) this.#copyBytes -= waiting.message.bytes
    delivery.copies = undefined
    delivery.status = 'validating'
    this.#events.genuine(message, delivery)
    this.#context.host.validate(message, from, (verdict) => {
      if (delivery.status === 'validating') this.#judged(message, from, delivery, verdict)
    })
    if (delivery.status === 'validating') this.#events.delayed(message, delivery)
  }

  #judged(message: M, from: PeerState<M, Handle>, delivery: Delivery<M, Handle>, verdict: Verdict): void {
    const { host, seen, scores } = this.#context
    const now = host.now()
    const topic = delivery.topic as Topic<M, Handle>
    host.trace?.verdict?.(message, from, verdict)
    this.#count(message, from, verdict)
    if (verdict === 'throttled') {
      // Nothing is known of it, so it may come again.
      delivery.status = 'ignored'
      return seen.forget(message.id)
    }
    delivery.status = verdict === 'accept' ? 'accepted' : verdict === 'reject' ? 'rejected' : 'ignored'
    const senders = delivery.senders ?? []
    if (verdict === 'reject') for (const sender of senders) this.#blame(sender, topic.name)
    if (verdict === 'accept') {
      scores.deliveredFirst(from.score, topic)
      for (const sender of senders) if (sender !== from) scores.delivered(sender.score, topic)
      this.#events.accepted(message, from, topic, delivery)
    }
    const counts = verdict === 'accept' && topic.score !== undefined && topic.score.meshDeliveriesWeight !== 0
    delivery.countsUntil = counts ? now + topic.score.meshDeliveriesWindowMs : now
    seen.settle(message.id, delivery, now, delivery.countsUntil)
  }

  #blame(peer: PeerState<M, Handle>, topic: string): void {
    const { scores, topics } = this.#context
    const scored = topics.get(topic)
    // The peer may have left since, and owes nevertheless.
    if (scored !== undefined) scores.invalid(scores.of(peer.id) ?? peer.score, scored)
  }

  #count({ topic }: M, { id }: PeerState<M, Handle>, verdict: Verdict): void {
    const gater = this.#gater
    if (gater === undefined) return
    if (verdict === 'accept') gater.delivered(id, topic)
    else if (verdict === 'throttled') gater.throttled(this.#context.host.now())
    else gater.counted(id, verdict === 'reject' ? 'rejected' : 'ignored')
  }
}
