/**
 * Whom not to graft yet, by topic and peer id (gossipsub 1.1, "Prune Backoff"). Kept when the peer disconnects and when we
 * leave the topic: coming back does not make it shorter.
 */
export class Backoffs {
  readonly #maxMs: number
  readonly #maxPerTopic: number
  readonly #until = new Map<string, Map<string, number>>()

  constructor(maxMs: number, maxPerTopic: number) {
    this.#maxMs = maxMs
    this.#maxPerTopic = maxPerTopic
  }

  get size(): number {
    let size = 0
    for (const peers of this.#until.values()) size += peers.size
    return size
  }

  /** Never shortens one that is there. Peers may ask for any time: it is cut to the longest one allowed. */
  add(topic: string, peerId: string, now: number, ms: number): void {
    let peers = this.#until.get(topic)
    if (peers === undefined) this.#until.set(topic, (peers = new Map()))
    const until = now + Math.min(ms, this.#maxMs)
    const known = peers.get(peerId)
    if (known !== undefined && known >= until) return
    if (known === undefined && peers.size >= this.#maxPerTopic) {
      for (const oldest of peers.keys()) {
        peers.delete(oldest)
        break
      }
    }
    peers.set(peerId, until)
  }

  /** When the backoff ends, if there is one. */
  until(topic: string, peerId: string): number | undefined {
    return this.#until.get(topic)?.get(peerId)
  }

  /** Is it over, and by more than the slack? Then we may graft: the peer's clock is not ours. */
  isOver(topic: string, peerId: string, now: number, slackMs: number): boolean {
    const until = this.until(topic, peerId)
    return until === undefined || until + slackMs < now
  }

  sweep(now: number, slackMs: number): void {
    for (const [topic, peers] of this.#until) {
      for (const [peerId, until] of peers) if (until + slackMs < now) peers.delete(peerId)
      if (peers.size === 0) this.#until.delete(topic)
    }
  }
}
