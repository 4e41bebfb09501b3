/** For tests in a browser. */
import { onTestFinished } from 'vitest'
import { commands } from 'vitest/browser'

export { until } from './until.ts'

declare module 'vitest/internal/browser' {
  interface BrowserCommands {
    startNodePeer(script: string): Promise<{ id: number; told: unknown }>
    askNodePeer(id: number, name: string, args: readonly unknown[]): Promise<unknown>
    stopNodePeer(id: number): Promise<void>
  }
}

export interface NodePeer<T> {
  /** What it said when it was up. */
  readonly told: T
  ask(name: string, ...args: readonly unknown[]): Promise<unknown>
}

/**
 * Starts a script beside the test in a Node process, which lives as long as the test; see `servePeer` of
 * `@peerloom/conformance/node-peer` for what it does.
 */
export async function nodePeer<T>(script: string): Promise<NodePeer<T>> {
  const { id, told } = await commands.startNodePeer(script)
  onTestFinished(() => commands.stopNodePeer(id))
  return { told: told as T, ask: (name, ...args) => commands.askNodePeer(id, name, args) }
}
