import type { Clock, Log, PeerId, PubSubMessage, TopicValidator, TopicVerdict } from '@peerloom/interface'
import type { Message } from './message.ts'
import type { Verdict } from './router.ts'

export interface ValidationLimits {
  /** Messages that wait for signatures or validators at once. Default 8,192. */
  readonly maxPending: number
  /** The same, of one topic. Default 1,024. */
  readonly maxPendingPerTopic: number
  /** Bytes of all that wait. Default 64 MiB. */
  readonly maxPendingBytes: number
  /** How long a validator may take, in ms; then the message is ignored. Default 5,000. */
  readonly timeoutMs: number
}

export const defaultValidationLimits: ValidationLimits = {
  maxPending: 8192,
  maxPendingPerTopic: 1024,
  maxPendingBytes: 64 * 1024 * 1024,
  timeoutMs: 5000
}

/** What is judged, as far as limits go. */
type Weighed = Pick<Message, 'topic' | 'bytes'>

/** The validators of topics, and what waits for them. What does not wait costs no promise. */
export class Validation {
  readonly #limits: ValidationLimits
  readonly #clock: Clock
  readonly #log: Log
  readonly #validators = new Map<string, Set<TopicValidator>>()
  readonly #pendingOf = new Map<string, number>()
  #pending = 0
  #pendingBytes = 0

  constructor(limits: ValidationLimits, clock: Clock, log: Log) {
    this.#limits = limits
    this.#clock = clock
    this.#log = log
  }

  /** Messages under way. */
  get pending(): number {
    return this.#pending
  }

  add(topic: string, validator: TopicValidator): () => void {
    // A function of its own, so that one validator added twice is removed once.
    const entry: TopicValidator = (message, from) => validator(message, from)
    const validators = this.#validators.get(topic)
    if (validators === undefined) this.#validators.set(topic, new Set([entry]))
    else validators.add(entry)
    return () => {
      const left = this.#validators.get(topic)
      if (left?.delete(entry) === true && left.size === 0) this.#validators.delete(topic)
    }
  }

  has(topic: string): boolean {
    return this.#validators.has(topic)
  }

  /** Asks the validators of the topic; the first that does not accept decides. */
  run(what: Weighed, message: PubSubMessage, from: PeerId, done: (verdict: Verdict) => void): void {
    const validators = this.#validators.get(what.topic)
    if (validators === undefined) {
      done('accept')
      return
    }
    const waiting: Promise<TopicVerdict>[] = []
    for (const validator of validators) {
      const verdict = this.#ask(validator, message, from)
      if (verdict === 'accept') continue
      if (typeof verdict === 'string') {
        done(verdict)
        return
      }
      waiting.push(verdict)
    }
    if (waiting.length === 0) done('accept')
    else this.wait(what, waiting, done)
  }

  /** `throttled` at once when too much waits; a verdict, or `ignore` when it takes too long, later. */
  wait({ topic, bytes }: Weighed, verdicts: readonly Promise<Verdict>[], done: (verdict: Verdict) => void): void {
    const ofTopic = this.#pendingOf.get(topic) ?? 0
    const { maxPending, maxPendingPerTopic, maxPendingBytes } = this.#limits
    const isFull = this.#pending >= maxPending || ofTopic >= maxPendingPerTopic
    if (isFull || this.#pendingBytes + bytes > maxPendingBytes) {
      for (const verdict of verdicts) verdict.catch(() => {})
      done('throttled')
      return
    }
    this.#pending++
    this.#pendingBytes += bytes
    this.#pendingOf.set(topic, ofTopic + 1)
    let isOver = false
    const finish = (verdict: Verdict): void => {
      if (isOver) return
      isOver = true
      this.#clock.clearTimeout(timer)
      this.#pending--
      this.#pendingBytes -= bytes
      const left = (this.#pendingOf.get(topic) ?? 1) - 1
      if (left === 0) this.#pendingOf.delete(topic)
      else this.#pendingOf.set(topic, left)
      done(verdict)
    }
    const timer = this.#clock.setTimeout(() => finish('ignore'), this.#limits.timeoutMs)
    let left = verdicts.length
    for (const verdict of verdicts) {
      verdict.then(
        (settled) => {
          if (checked(settled) !== 'accept') finish(checked(settled))
          else if (--left === 0) finish('accept')
        },
        (error: unknown) => {
          this.#failed(error)
          finish('ignore')
        }
      )
    }
  }

  #ask(validator: TopicValidator, message: PubSubMessage, from: PeerId): TopicVerdict | Promise<TopicVerdict> {
    try {
      const verdict = validator(message, from)
      return typeof verdict === 'string' ? (checked(verdict) as TopicVerdict) : Promise.resolve(verdict)
    } catch (error) {
      this.#failed(error)
      return 'ignore'
    }
  }

  #failed(error: unknown): void {
    this.#log.error('a validator threw', error)
  }
}

/** What is no verdict is no reason to blame a peer. */
function checked(verdict: Verdict): Verdict {
  return verdict === 'accept' || verdict === 'reject' || verdict === 'throttled' ? verdict : 'ignore'
}
