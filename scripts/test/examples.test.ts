import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

/** Runs a program on the sources; processes that it starts inherit the condition. It must end by itself. */
async function output(script: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['--conditions=@peerloom/source', script, ...args], {
    timeout: 60_000
  })
  return stdout
}

test('echo', { timeout: 60_000 }, async () => {
  expect(await output('examples/echo/src/main.ts')).toMatch(/^12D3\w+ answered: hello, peer to peer\n$/)
})

test('chat', { timeout: 60_000 }, async () => {
  const lines = (await output('examples/chat/src/main.ts')).split('\n')
  for (const line of ['grace hears: hello, grace', 'ada hears: none, only the two of us', 'grace hears: goodbye']) {
    expect(lines).toContain(line)
  }
})

test('pubsub chat', { timeout: 60_000 }, async () => {
  const lines = (await output('examples/pubsub-chat/src/main.ts')).trim().split('\n')
  expect(lines).toHaveLength(12)
  expect(lines).toContain('edsger hears ada: good evening, everybody')
  expect(lines).toContain('ada hears edsger: then nobody can close it')
})

test('custom protocol', { timeout: 60_000 }, async () => {
  expect(await output('examples/custom-protocol/src/main.ts')).toContain('": applications, toolkit')
})

test('compose your own node', { timeout: 60_000 }, async () => {
  const text = await output('examples/compose-your-own-node/src/main.ts')
  expect(text).toContain('one met example/two\ntwo met example/one\n1 connection by /noise')
})

test('file transfer, of a file that is given', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peerloom-test-'))
  try {
    const file = join(folder, 'given.bin')
    writeFileSync(file, Buffer.alloc(3_000_000, 'content'))
    const text = await output('examples/file-transfer/src/demo.ts', '--', file)
    expect(text).toMatch(/round trips from dial to first byte: 4\n/)
    expect(text).toMatch(/given\.bin verified, sha256 [0-9a-f]{64}/)
    expect(text).toContain('client hears: you are welcome, come again')
    expect(text).toContain('Done: found, secured, fetched, verified.')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
