import type { Message, MessageId } from '@peerloom/pubsub'
import type { Topic } from './topic.ts'

/** A message that is kept for who asks for it. */
export interface Cached<M extends Message> {
  /** Undefined once it had to make room. */
  message: M | undefined
  readonly id: MessageId
  /** How often each peer asked for it, by peer id: whoever comes back has not asked less often. Made when the first asks. */
  asked: Map<string, number> | undefined
}

/**
 * The messages of the last heartbeats: what IHAVE advertises and IWANT gets. The windows are in the topics, so that gossip
 * of one topic does not look through the messages of all.
 */
export class MessageCache<M extends Message, Handle> {
  readonly #windows: number
  readonly #gossipWindows: number
  readonly #maxBytes: number
  // Oldest first.
  readonly #messages = new Map<MessageId, Cached<M>>()
  #bytes = 0

  constructor(windows: number, gossipWindows: number, maxBytes: number) {
    this.#windows = windows
    this.#gossipWindows = gossipWindows
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#messages.size
  }

  get bytes(): number {
    return this.#bytes
  }

  put(message: M, topic: Topic<M, Handle>): void {
    const { id } = message
    if (message.bytes > this.#maxBytes || this.#messages.has(id)) return
    const cached: Cached<M> = { message, id, asked: undefined }
    this.#messages.set(id, cached)
    ;(topic.history[0] as Cached<M>[]).push(cached)
    this.#bytes += message.bytes
    if (this.#bytes > this.#maxBytes) this.#makeRoom()
  }

  /** The message, and how often the peer asked for it, this time included. */
  ask(id: MessageId, peerId: string): { readonly message: M; readonly times: number } | undefined {
    const cached = this.#messages.get(id)
    if (cached?.message === undefined) return undefined
    cached.asked ??= new Map()
    const times = (cached.asked.get(peerId) ?? 0) + 1
    cached.asked.set(peerId, times)
    return { message: cached.message, times }
  }

  /** What is to be advertised, newest first. */
  gossipIds({ history }: Topic<M, Handle>): MessageId[] {
    const ids: MessageId[] = []
    for (let at = 0; at < this.#gossipWindows && at < history.length; at++) {
      for (const { id, message } of history[at] as Cached<M>[]) if (message !== undefined) ids.push(id)
    }
    return ids
  }

  /** A heartbeat is over in the topic. */
  shift({ history }: Topic<M, Handle>): void {
    const last = history.length === this.#windows ? history.pop() : undefined
    for (const cached of last ?? []) this.#drop(cached)
    history.unshift([])
  }

  /** The topic is no longer ours. */
  forget({ history }: Topic<M, Handle>): void {
    for (const window of history) for (const cached of window) this.#drop(cached)
    history.splice(0, history.length, [])
  }

  #makeRoom(): void {
    for (const cached of this.#messages.values()) {
      this.#drop(cached)
      if (this.#bytes <= this.#maxBytes) return
    }
  }

  #drop(cached: Cached<M>): void {
    if (cached.message === undefined) return
    this.#bytes -= cached.message.bytes
    cached.message = undefined
    this.#messages.delete(cached.id)
  }
}
