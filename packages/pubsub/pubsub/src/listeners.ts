import type { Log, PubSubEvents } from '@peerloom/interface'

type Listener<K extends keyof PubSubEvents> = (event: PubSubEvents[K]) => void
type Listeners = { readonly [K in keyof PubSubEvents]: Set<Listener<K>> }

/** Listeners of the service's events. An event is made only when somebody listens. */
export class EventListeners {
  readonly #listeners: Listeners = { message: new Set(), 'subscription-change': new Set() }
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  has(type: keyof PubSubEvents): boolean {
    return this.#listeners[type].size > 0
  }

  add<K extends keyof PubSubEvents>(type: K, listener: Listener<K>): void {
    ;(this.#listeners[type] as Set<Listener<K>>).add(listener)
  }

  remove<K extends keyof PubSubEvents>(type: K, listener: Listener<K>): void {
    ;(this.#listeners[type] as Set<Listener<K>>).delete(listener)
  }

  emit<K extends keyof PubSubEvents>(type: K, detail: PubSubEvents[K]['detail']): void {
    const listeners = this.#listeners[type] as Set<Listener<K>>
    if (listeners.size === 0) return
    const event = new CustomEvent(type, { detail }) as PubSubEvents[K]
    for (const listener of listeners) this.call(listener, event)
  }

  /** An exception in one harms nobody else. */
  call<T>(listener: (value: T) => void, value: T): void {
    try {
      const result: unknown = listener(value)
      // A handler may be an async function, whose failure is nobody else's either.
      if (result instanceof Promise) result.catch((error: unknown) => this.#failed(error))
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    this.#log.error('a listener threw', error)
  }
}
