/** The other side of a browser test: a script that serves in a page of its own. */

export { echoes } from './echoes.ts'

/** What the runner finds in the page. Everything crosses as JSON would. */
export interface PagePeer {
  readonly told: unknown
  ask(name: string, args: readonly unknown[]): Promise<unknown>
}

declare global {
  var peerloomPage: PagePeer | undefined
}

/**
 * Tells the test that the page is up, with what it needs to know, and answers its questions; the page is closed when the test
 * is over. As `servePeer` of `@peerloom/conformance/node-peer` does for Node.
 */
export function servePage(
  told: unknown,
  // oxlint-disable-next-line typescript/no-explicit-any -- arguments are what the test gives
  questions: Readonly<Record<string, (...args: any[]) => unknown>>
): void {
  globalThis.peerloomPage = {
    told,
    ask: async (name, args) => {
      const asked = questions[name]
      if (asked === undefined) throw new Error(`no question ${name}`)
      return asked(...args)
    }
  }
}
