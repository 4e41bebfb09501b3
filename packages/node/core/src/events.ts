import type { Events, Log, StateTopic, Unsubscribe } from '@peerloom/interface'

const stateTopics: ReadonlySet<string> = new Set<StateTopic>(['addresses', 'protocols'])

/** The typed event bus. State topics keep their last value and tell it to whoever comes later. */
export class EventBus<T> implements Events<T> {
  readonly #listeners = new Map<string, Set<(value: never) => void>>()
  readonly #last = new Map<string, unknown>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  on<K extends keyof T & string>(topic: K, listener: (value: T[K]) => void): Unsubscribe {
    let listeners = this.#listeners.get(topic)
    if (listeners === undefined) this.#listeners.set(topic, (listeners = new Set()))
    // A function of its own, so that one listener subscribed twice is called twice and removed once.
    const entry = (value: T[K]): void => listener(value)
    listeners.add(entry)
    if (this.#last.has(topic)) this.#call(topic, entry, this.#last.get(topic) as T[K])
    return () => {
      listeners.delete(entry)
    }
  }

  once<K extends keyof T & string>(topic: K, listener: (value: T[K]) => void): Unsubscribe {
    let fired = false
    let off: Unsubscribe | undefined
    off = this.on(topic, (value) => {
      if (fired) return
      fired = true
      off?.()
      listener(value)
    })
    if (fired) off()
    return off
  }

  emit<K extends keyof T & string>(topic: K, value: T[K]): void {
    if (stateTopics.has(topic)) this.#last.set(topic, value)
    const listeners = this.#listeners.get(topic)
    if (listeners === undefined || listeners.size === 0) return
    for (const listener of [...listeners]) this.#call(topic, listener as (value: T[K]) => void, value)
  }

  #call<V>(topic: string, listener: (value: V) => void, value: V): void {
    try {
      listener(value)
    } catch (error) {
      this.#log.error('a listener of %s threw', topic, error)
    }
  }
}
