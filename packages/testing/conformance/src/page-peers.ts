/** Further pages for tests in a browser: commands of the test runner, which runs this. */
import { dirname, resolve } from 'node:path'
import { build } from 'esbuild'
import type {} from './page-peer.ts'

const startTimeoutMs = 30_000

/** As much of playwright as is used here. */
interface Page {
  url(): string
  goto(url: string): Promise<unknown>
  addScriptTag(options: { type: string; content: string }): Promise<unknown>
  waitForFunction(body: () => unknown, arg: undefined, options: { timeout: number }): Promise<unknown>
  evaluate<A, R>(body: (arg: A) => R, arg: A): Promise<R>
  context(): Context
}

interface Context {
  newPage(): Promise<Page>
  browser(): { newContext(): Promise<Context> } | null
  close(): Promise<void>
}

interface CommandContext {
  readonly testPath: string | undefined
  readonly page: Page
}

const pages = new Map<number, Page>()
let next = 1

async function bundle(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'esnext',
    conditions: ['@peerloom/source', 'browser']
  })
  return outputFiles[0]?.text ?? ''
}

/** For `test.browser.commands`. What tests call is `pagePeer` of `@peerloom/conformance/browser`. */
export const pagePeerCommands = {
  /** Starts a script that lies beside the test, in a page that shares nothing with the test's but the browser. */
  async startPagePeer({ testPath, page }: CommandContext, script: string): Promise<{ id: number; told: unknown }> {
    const content = await bundle(resolve(dirname(testPath ?? ''), script))
    const context = await page.context().browser()?.newContext()
    if (context === undefined) throw new Error('the browser is gone')
    const other = await context.newPage()
    const id = next++
    pages.set(id, other)
    // Any document of the runner's own origin will do, which makes the page one that may use cryptography.
    await other.goto(new URL('/package.json', page.url()).href)
    await other.addScriptTag({ type: 'module', content })
    await other.waitForFunction(() => globalThis.peerloomPage !== undefined, undefined, { timeout: startTimeoutMs })
    return { id, told: await other.evaluate(() => globalThis.peerloomPage?.told, undefined) }
  },
  async askPagePeer(_context: CommandContext, id: number, name: string, args: readonly unknown[]): Promise<unknown> {
    return pages.get(id)?.evaluate((asked) => globalThis.peerloomPage?.ask(asked.name, asked.args), { name, args })
  },
  async stopPagePeer(_context: CommandContext, id: number): Promise<void> {
    await pages.get(id)?.context().close()
    pages.delete(id)
  }
}
