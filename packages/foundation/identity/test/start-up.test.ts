import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const source = new URL('../src/', import.meta.url)

test('portable and browser code takes nothing from Node, and Node code nothing from noble', async () => {
  const names = (await readdir(source)).filter((name) => name.endsWith('.ts'))
  const nodeOnly = names.filter((name) => name === 'index.ts' || names.includes(name.replace('.ts', '.browser.ts')))
  for (const name of names) {
    const text = await readFile(new URL(name, source), 'utf8')
    if (nodeOnly.includes(name)) expect(text, name).not.toMatch(/@noble|\.browser\.ts'/)
    else expect(text, name).not.toMatch(/'node:|\bBuffer\b|\bprocess\b/)
    if (!nodeOnly.includes(name) && !name.includes('.browser.')) expect(text, name).not.toContain('@noble')
  }
})

test('importing the package in Node loads neither noble nor libsodium nor multiaddr nor the datastore', async () => {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
    await import('@peerloom/identity')
    console.log(loaded.filter((url) => !url.startsWith('node:')).join('\\n'))`
  const options = ['--conditions=@peerloom/source', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: new URL('..', import.meta.url) })
  expect(stdout).toContain('identity/src/index.ts')
  expect(stdout).not.toMatch(/noble|sodium|multiaddr|datastore/)
  expect(stdout.trim().split('\n').length).toBeLessThan(50)
})
