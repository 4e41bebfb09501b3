import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const source = new URL('../src/', import.meta.url)

/** Every module that a file of ours imports, types aside, and what those of ours import in turn. */
function importsOf(file: string, seen = new Set<string>()): Set<string> {
  const text = readFileSync(new URL(file, source), 'utf8')
  for (const [, clause = '', name = ''] of text.matchAll(/(?:import|export) ([^;]*?)from '([^']+)'/g)) {
    if (clause.startsWith('type ') || seen.has(name)) continue
    seen.add(name)
    if (name.startsWith('./')) importsOf(name.slice(2), seen)
  }
  for (const [, name = ''] of text.matchAll(/import\('([^']+)'\)/g)) seen.add(name)
  return seen
}

test('the build for browsers knows nothing of the native engine, nor of Node', () => {
  const forNode = [...importsOf('index.ts')]
  expect(forNode).toContain('node-datachannel')
  const forBrowsers = [...importsOf('index.browser.ts')]
  expect(forBrowsers).toContain('./direct-dialer.ts')
  expect(forBrowsers.filter((name) => name.startsWith('node') || name === '@peerloom/certificates')).toEqual([])
  expect(forBrowsers.filter((name) => name.endsWith('/sockets') || name === './engine.ts')).toEqual([])
})
