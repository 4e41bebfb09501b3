import type { ComponentLogger, Logger } from '@libp2p/interface'
import type { Log, LogFactory } from '@peerloom/interface'

/** Our log scopes as loggers of js-libp2p: `libp2p:noise` becomes `peerloom:libp2p:noise`. */
export function toTheirLogger(log: LogFactory): ComponentLogger {
  return { forComponent: (name) => theirLogger(log, name) }
}

/** Shared by everything that is off, which is nearly always everything: they make a scope for each stream. */
const silent: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: (): Logger => silent
})

function theirLogger(log: LogFactory, name: string): Logger {
  const scope = log(name)
  if (!scope.enabled) return silent
  const write = (formatter: unknown, ...values: unknown[]): void => scope.debug(String(formatter), ...values)
  return Object.assign(write, {
    error: (formatter: unknown, ...values: unknown[]): void => scope.error(String(formatter), ...values),
    trace: write,
    enabled: true,
    newScope: (below: string): Logger => theirLogger(log, `${name}:${below}`)
  })
}

/** A logger of js-libp2p as our log scopes. */
export function fromTheirLogger(logger: ComponentLogger): LogFactory {
  return (name): Log => {
    const scope = logger.forComponent(`peerloom:${name}`)
    return {
      get enabled() {
        return scope.enabled
      },
      debug: (message, ...values) => scope(message, ...values),
      error: (message, ...values) => scope.error(message, ...values)
    }
  }
}
