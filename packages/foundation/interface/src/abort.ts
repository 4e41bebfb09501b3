/** Every operation that waits takes these (rule R7). */
export interface AbortOptions {
  /** Checked first; on abort the work stops and the call rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined
}

/** Something with a life of its own: started once, stopped once, both idempotent. */
export interface Startable {
  start(): void | Promise<void>
  stop(): void | Promise<void>
}
