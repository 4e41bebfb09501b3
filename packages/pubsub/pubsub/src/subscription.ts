import { BoundedQueue } from '@peerloom/bounded'
import type { PubSubMessage, SubscribeOptions, Subscription } from '@peerloom/interface'

const defaults: Required<SubscribeOptions> = {
  maxQueued: 1024,
  maxQueuedBytes: 64 * 1024 * 1024,
  whenFull: 'drop-oldest'
}

type Result = IteratorResult<PubSubMessage, undefined>

/** Messages that wait for one who iterates. */
class MessageIterator implements AsyncIterator<PubSubMessage, undefined> {
  readonly #queue: BoundedQueue<PubSubMessage>
  readonly #dropOldest: boolean
  readonly #onReturn: (iterator: MessageIterator) => void
  readonly #waiting: ((result: Result) => void)[] = []
  #isOver = false
  dropped = 0

  constructor(options: Required<SubscribeOptions>, onReturn: (iterator: MessageIterator) => void) {
    this.#queue = new BoundedQueue({
      maxItems: options.maxQueued,
      maxBytes: options.maxQueuedBytes,
      sizeOf: ({ data }) => data.length
    })
    this.#dropOldest = options.whenFull === 'drop-oldest'
    this.#onReturn = onReturn
  }

  push(message: PubSubMessage): void {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) {
      waiting({ done: false, value: message })
      return
    }
    while (!this.#queue.push(message)) {
      this.dropped++
      if (!this.#dropOldest || this.#queue.shift() === undefined) return
    }
  }

  /** What waits is still to be taken. */
  end(): void {
    this.#isOver = true
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined })
  }

  next(): Promise<Result> {
    const message = this.#queue.shift()
    if (message !== undefined) return Promise.resolve({ done: false, value: message })
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  return(): Promise<Result> {
    this.#queue.clear()
    this.end()
    this.#onReturn(this)
    return Promise.resolve({ done: true, value: undefined })
  }
}

/** What `subscribe` gives. */
export class TopicSubscription implements Subscription {
  readonly topic: string
  readonly handler: ((message: PubSubMessage) => void) | undefined
  readonly #options: Required<SubscribeOptions>
  readonly #onOver: (subscription: TopicSubscription) => void
  readonly #iterators = new Set<MessageIterator>()
  #dropped = 0
  #isOver = false

  constructor(
    topic: string,
    handler: ((message: PubSubMessage) => void) | undefined,
    options: SubscribeOptions,
    onOver: (subscription: TopicSubscription) => void
  ) {
    this.topic = topic
    this.handler = handler
    this.#options = { ...defaults, ...options }
    this.#onOver = onOver
  }

  get dropped(): number {
    let sum = this.#dropped
    for (const iterator of this.#iterators) sum += iterator.dropped
    return sum
  }

  push(message: PubSubMessage): void {
    for (const iterator of this.#iterators) iterator.push(message)
  }

  unsubscribe(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const iterator of this.#iterators) this.#forget(iterator)
    this.#onOver(this)
  }

  [Symbol.dispose](): void {
    this.unsubscribe()
  }

  [Symbol.asyncIterator](): AsyncIterator<PubSubMessage, undefined> {
    const iterator = new MessageIterator(this.#options, (one) => this.#forget(one))
    if (this.#isOver) iterator.end()
    else this.#iterators.add(iterator)
    return iterator
  }

  #forget(iterator: MessageIterator): void {
    if (!this.#iterators.delete(iterator)) return
    this.#dropped += iterator.dropped
    iterator.end()
  }
}
