import type { Message, MessageId } from '@peerloom/pubsub'
import type { PeerState } from './peer.ts'

/** A peer that was asked for a message. */
interface Ask<M extends Message, Handle> {
  readonly peer: PeerState<M, Handle>
  readonly deadline: number
  /** The peer is blamed when this one is broken: one of those asked for at once, as losses happen to the best. */
  counts: boolean
}

interface Wanted<M extends Message, Handle> {
  readonly asked: Ask<M, Handle>[]
  /** Who else announced it. */
  readonly others: PeerState<M, Handle>[]
  askedAt: number
}

export interface PromiseEvents<M extends Message, Handle> {
  /** The peer is to be asked for it, and blamed if nothing comes, or not. */
  ask(peer: PeerState<M, Handle>, id: MessageId, counts: boolean): void
  ended(peer: PeerState<M, Handle>, id: MessageId, kept: boolean, counts: boolean): void
}

/**
 * The messages that we asked for and did not get yet. Most of what is advertised comes by itself within moments, from several
 * peers, so one request is in flight for an id. It must not be in the hands of one peer either: an attacker that announces
 * first and never delivers would hold a message back until nobody has it any more. So after a moment's patience the next one
 * is asked, and with each heartbeat twice as many, chosen at random among those that announced it.
 */
export class Promises<M extends Message, Handle> {
  readonly #events: PromiseEvents<M, Handle>
  readonly #followUpMs: number
  readonly #patienceMs: number
  readonly #maxAlternatives: number
  readonly #random: () => number
  readonly #wanted = new Map<MessageId, Wanted<M, Handle>>()

  constructor(
    events: PromiseEvents<M, Handle>,
    options: { readonly followUpMs: number; readonly patienceMs: number; readonly maxAlternatives: number },
    random: () => number
  ) {
    this.#events = events
    this.#followUpMs = options.followUpMs
    this.#patienceMs = options.patienceMs
    this.#maxAlternatives = options.maxAlternatives
    this.#random = random
  }

  get size(): number {
    return this.#wanted.size
  }

  /** Is the peer to be asked for the id that it announced, or is it enough to know that it has it? */
  isToAsk(peer: PeerState<M, Handle>, id: MessageId, now: number): boolean {
    const wanted = this.#wanted.get(id)
    if (wanted === undefined) return true
    if (wanted.asked.some((ask) => ask.peer === peer) || wanted.others.includes(peer)) return false
    if (now - wanted.askedAt >= this.#patienceMs && wanted.asked.length < this.#maxAlternatives) return true
    if (wanted.others.length < this.#maxAlternatives) wanted.others.push(peer)
    return false
  }

  asked(peer: PeerState<M, Handle>, id: MessageId, now: number, counts: boolean): void {
    let wanted = this.#wanted.get(id)
    if (wanted === undefined) this.#wanted.set(id, (wanted = { asked: [], others: [], askedAt: now }))
    wanted.asked.push({ peer, deadline: now + this.#followUpMs, counts })
    wanted.askedAt = now
  }

  /** Of what the peer was asked for now, this is what it is blamed for. */
  counts(peer: PeerState<M, Handle>, id: MessageId): void {
    const ask = this.#wanted.get(id)?.asked.at(-1)
    if (ask?.peer === peer) ask.counts = true
  }

  /** A genuine copy came, from whomever: everybody who was asked is released. */
  kept(id: MessageId): void {
    const wanted = this.#wanted.get(id)
    if (wanted === undefined) return
    this.#wanted.delete(id)
    for (const { peer, counts } of wanted.asked) this.#events.ended(peer, id, true, counts)
  }

  /** A copy that is being verified is no broken promise. */
  tick(now: number, isComing: (id: MessageId) => boolean): void {
    const counted = new Set<PeerState<M, Handle>>()
    for (const [id, wanted] of this.#wanted) {
      if (isComing(id)) continue
      const { asked, others } = wanted
      let waiting = 0
      for (const ask of asked) {
        if (ask.deadline > now) asked[waiting++] = ask
        else this.#events.ended(ask.peer, id, false, ask.counts)
      }
      const askedBefore = asked.length
      asked.length = waiting
      if (now - wanted.askedAt >= this.#patienceMs) this.#askMore(id, wanted, askedBefore, now, counted)
      if (asked.length === 0 && others.length === 0) this.#wanted.delete(id)
    }
  }

  #askMore(
    id: MessageId,
    wanted: Wanted<M, Handle>,
    count: number,
    now: number,
    counted: Set<PeerState<M, Handle>>
  ): void {
    for (let more = Math.max(1, count); more > 0 && wanted.others.length > 0;) {
      const at = Math.floor(this.#random() * wanted.others.length)
      const [peer] = wanted.others.splice(at, 1) as [PeerState<M, Handle>]
      if (peer.isGone) continue
      const counts = !counted.has(peer)
      counted.add(peer)
      this.asked(peer, id, now, counts)
      this.#events.ask(peer, id, counts)
      more--
    }
  }
}
