import type { Message } from '@peerloom/pubsub'
import type { Context } from './context.ts'
import type { Topic } from './topic.ts'

/** Whom messages of a topic go to that we did not subscribe to (gossipsub 1.0, "Fanout"). */
export class Fanout<M extends Message, Handle> {
  readonly #context: Context<M, Handle>

  constructor(context: Context<M, Handle>) {
    this.#context = context
  }

  /** Something is published. */
  use(topic: Topic<M, Handle>): void {
    topic.publishedAt = this.#context.host.now()
    if (topic.fanout.size === 0) this.#fill(topic)
  }

  /** Once a heartbeat. False: nothing was published for long, and the topic is no longer ours. */
  maintain(topic: Topic<M, Handle>): boolean {
    const { settings, scores, host } = this.#context
    if (host.now() - topic.publishedAt > settings.fanoutTtlMs) return false
    for (const peer of topic.fanout) if (peer.score.value < scores.thresholds.publish) topic.fanout.delete(peer)
    this.#fill(topic)
    return true
  }

  #fill(topic: Topic<M, Handle>): void {
    const { settings, scores, random } = this.#context
    const missing = settings.degrees.target - topic.fanout.size
    if (missing <= 0) return
    const threshold = scores.thresholds.publish
    topic.peers.draw(missing, random, (peer) => {
      if (!peer.isMeshable || peer.score.value < threshold || topic.fanout.has(peer)) return false
      topic.fanout.add(peer)
      return true
    })
  }
}
