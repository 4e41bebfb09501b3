import type { Log, LogFactory } from '@peerloom/interface'

interface Environment {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> }
  readonly localStorage?: { getItem(key: string): string | null }
}

/** `DEBUG=peerloom:*,-peerloom:dial` in Node, `localStorage.DEBUG` in a browser. */
function debugSetting(): string {
  const environment = globalThis as Environment
  if (environment.process?.env !== undefined) return environment.process.env['DEBUG'] ?? ''
  try {
    return environment.localStorage?.getItem('DEBUG') ?? ''
  } catch {
    return '' // storage that a browser locks away
  }
}

function matches(pattern: string, scope: string): boolean {
  const parts = pattern.split('*')
  const escaped = parts.map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${escaped.join('.*')}$`).test(scope)
}

function isEnabled(setting: string, scope: string): boolean {
  const patterns = setting.split(/[\s,]+/).filter((pattern) => pattern !== '')
  if (patterns.some((pattern) => pattern.startsWith('-') && matches(pattern.slice(1), scope))) return false
  return patterns.some((pattern) => !pattern.startsWith('-') && matches(pattern, scope))
}

/** Logs to the console, for the scopes that are on. */
export function consoleLog(setting: string = debugSetting()): LogFactory {
  const scopes = new Map<string, Log>()
  return (name) => {
    let log = scopes.get(name)
    if (log === undefined) {
      const scope = `peerloom:${name}`
      const enabled = setting !== '' && isEnabled(setting, scope)
      const write = (message: string, ...values: unknown[]): void => console.error(`${scope} ${message}`, ...values)
      const off = (): void => {}
      log = { enabled, debug: enabled ? write : off, error: enabled ? write : off }
      scopes.set(name, log)
    }
    return log
  }
}
