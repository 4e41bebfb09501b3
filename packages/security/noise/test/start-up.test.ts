import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type * as node from '@peerloom/noise'
import type * as browser from '../src/index.browser.ts'

const source = new URL('../src/', import.meta.url)

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false

test('both entries export the same', () => {
  const same: Same<typeof node, typeof browser> = true
  expect(same).toBe(true)
})

test('portable and browser code takes nothing from Node, and Node code nothing from noble', async () => {
  for (const name of (await readdir(source)).filter((file) => file.endsWith('.ts'))) {
    const text = await readFile(new URL(name, source), 'utf8')
    if (name !== 'crypto.ts') expect(text, name).not.toMatch(/'node:|\bBuffer\b|\bprocess\b/)
    if (name !== 'crypto.browser.ts') expect(text, name).not.toContain('@noble')
  }
})

test('importing the package in Node does not load noble', async () => {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
    await import('@peerloom/noise')
    console.log(loaded.filter((url) => !url.startsWith('node:')).join('\\n'))`
  const options = ['--conditions=@peerloom/source', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: new URL('..', import.meta.url) })
  expect(stdout).toContain('noise/src/index.ts')
  expect(stdout).not.toContain('noble')
})
