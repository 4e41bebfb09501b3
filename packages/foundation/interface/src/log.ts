/** One scope of the log. Check `enabled` before building an argument (rule R4). */
export interface Log {
  readonly enabled: boolean
  debug(message: string, ...values: unknown[]): void
  /** Something failed that nobody waits for. */
  error(message: string, ...values: unknown[]): void
}

/** `log('dial')` is the scope `peerloom:dial`. Scopes are made once and kept. */
export type LogFactory = (scope: string) => Log
