import { createHash, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { nodePeerCommands } from './packages/testing/conformance/src/node-peers.ts'
import { pagePeerCommands } from './packages/testing/conformance/src/page-peers.ts'
import { localhost } from './packages/transports/websockets/test/certificate.ts'

/** Tests import packages by name and get their TypeScript sources. */
const source = ['@peerloom/source']
const chromium = [
  process.env['CHROMIUM_PATH'],
  ...(process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'chromium'))
].find((path) => path !== undefined && existsSync(path))

if (chromium === undefined) console.warn('SKIPPED: no chromium on PATH (or in CHROMIUM_PATH), browser tests do not run')

/** One certificate of the tests is good enough for the browser, and no other that nobody vouches for. */
const trusted = createHash('sha256')
  .update(new X509Certificate(localhost.cert).publicKey.export({ type: 'spki', format: 'der' }))
  .digest('base64')

/** On a crowded machine a test may be run a second time; the report names each that was. */
const retry = process.env['CI'] === 'true' ? 1 : 0
const node = {
  resolve: { conditions: source },
  ssr: { resolve: { conditions: source } },
  test: {
    name: 'node',
    retry,
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    include: ['packages/*/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'scripts/test/*.test.ts'],
    exclude: ['**/*.browser.test.ts', '**/node_modules/**']
  }
}
const browser = (executablePath: string) => ({
  resolve: { conditions: [...source, 'browser', 'module', 'import', 'default'] },
  test: {
    name: 'browser',
    retry,
    include: ['packages/*/*/test/**/*.browser.test.ts'],
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      // Tests that need a peer in Node, or in another page: see @peerloom/conformance/browser.
      commands: { ...nodePeerCommands, ...pagePeerCommands },
      provider: playwright({
        launchOptions: { executablePath, args: ['--no-sandbox', `--ignore-certificate-errors-spki-list=${trusted}`] }
      }),
      instances: [{ browser: 'chromium' as const }]
    }
  }
})

export default defineConfig({
  test: {
    projects: chromium === undefined ? [node] : [node, browser(chromium)],
    coverage: { provider: 'v8', include: ['packages/*/*/src/**'], reporter: ['text-summary', 'json-summary'] }
  }
})
