/** For tests in a browser. */
import { onTestFinished } from 'vitest'
import { commands } from 'vitest/browser'

export { echoes } from './echoes.ts'
export { testPage } from './page-suite.ts'
export type { PageMeeting, PageNode } from './page-suite.ts'
export type { ServedTold } from './served-node.ts'
export { until, untilAnswer } from './until.ts'

declare module 'vitest/internal/browser' {
  interface BrowserCommands {
    startNodePeer(script: string): Promise<{ id: number; told: unknown }>
    askNodePeer(id: number, name: string, args: readonly unknown[]): Promise<unknown>
    stopNodePeer(id: number): Promise<void>
    startPagePeer(script: string): Promise<{ id: number; told: unknown }>
    askPagePeer(id: number, name: string, args: readonly unknown[]): Promise<unknown>
    stopPagePeer(id: number): Promise<void>
  }
}

/** Another peer, beside the page that the test runs in. */
export interface OtherPeer<T> {
  /** What it said when it was up. */
  readonly told: T
  ask(name: string, ...args: readonly unknown[]): Promise<unknown>
  /** Ends it before the test is over, a page as a user closes it. */
  stop(): Promise<void>
}

/**
 * Starts a script beside the test in a Node process, which lives as long as the test; see `servePeer` of
 * `@peerloom/conformance/node-peer` for what it does.
 */
export async function nodePeer<T>(script: string): Promise<OtherPeer<T>> {
  const { id, told } = await commands.startNodePeer(script)
  const stop = (): Promise<void> => commands.stopNodePeer(id)
  onTestFinished(stop)
  return { told: told as T, ask: (name, ...args) => commands.askNodePeer(id, name, args), stop }
}

/**
 * Starts a script beside the test in a page of its own, in another context of the same browser, which lives as long as the
 * test; see `servePage` of `@peerloom/conformance/page-peer` for what it does.
 */
export async function pagePeer<T>(script: string): Promise<OtherPeer<T>> {
  const { id, told } = await commands.startPagePeer(script)
  const stop = (): Promise<void> => commands.stopPagePeer(id)
  onTestFinished(stop)
  return { told: told as T, ask: (name, ...args) => commands.askPagePeer(id, name, args), stop }
}
