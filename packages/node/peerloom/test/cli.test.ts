import { until } from '@peerloom/conformance'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { peerloom, type Run } from './run-cli.ts'

const json = (run: Run): Record<string, unknown>[] =>
  run.lines().map((line) => JSON.parse(line) as Record<string, unknown>)

async function listening(...args: string[]): Promise<{ run: Run; address: string }> {
  const run = peerloom('listen', '--json', ...args)
  await until('it listens', () => run.lines()[0] !== '')
  return { run, address: json(run)[0]?.['listening'] as string }
}

function keyFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'peerloom-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'key')
}

test('help is shown for --help, help and nothing', async () => {
  for (const args of [['--help'], ['-h'], ['help'], [], ['ping', '--help']]) {
    const run = peerloom(...args)
    expect(await run.ended()).toBe(0)
    expect(run.lines().join('\n')).toContain('peerloom ping <address>')
    expect(run.errors()).toBe('')
  }
})

test.each([
  ['an unknown command', ['fly']],
  ['an unknown option', ['id', '--nonsense']],
  ['an address that is missing', ['ping']],
  ['an address that is not asked for', ['id', '/ip4/127.0.0.1/tcp/1']],
  ['two addresses', ['dial', '/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2']],
  ['a count that is no number', ['ping', '/ip4/127.0.0.1/tcp/1', '--count', 'many']],
  ['a count of zero', ['ping', '/ip4/127.0.0.1/tcp/1', '--count', '0']],
  ['an address that is none', ['dial', '/nonsense']]
])('%s is a wrong argument: exit code 2, and one line', async (_, args) => {
  const run = peerloom(...args)
  expect(await run.ended()).toBe(2)
  expect(run.errors()).toMatch(/^ERR_INVALID_ARGUMENT: .+\n$/)
  expect(run.lines()).toEqual([''])
})

test('an identity is made once and shown again', async () => {
  const file = keyFile()
  const first = peerloom('id', '--key', file)
  expect(await first.ended()).toBe(0)
  const [peer] = first.lines()
  expect(peer).toMatch(/^12D3KooW/)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const kept = readFileSync(file, 'utf8')
  const second = peerloom('id', '--key', file, '--json')
  expect(await second.ended()).toBe(0)
  expect(json(second)).toMatchObject([{ peer, type: 'Ed25519' }])
  expect(readFileSync(file, 'utf8')).toBe(kept)
  const third = peerloom('id')
  await third.ended()
  expect(third.lines()[0]).not.toBe(peer)
})

test('a key file that is broken is told and left alone', async () => {
  const run = peerloom('id', '--key', new URL('cli.test.ts', import.meta.url).pathname)
  expect(await run.ended()).not.toBe(0)
  expect(run.errors()).toMatch(/^ERR_\w+: /)
})

test('one listens; others dial, ping, measure and look', { timeout: 60_000 }, async () => {
  const { run: listener, address } = await listening('--key', keyFile())
  const peer = address.split('/').at(-1)

  const dial = peerloom('dial', address, '--json')
  expect(await dial.ended()).toBe(0)
  expect(json(dial)).toMatchObject([{ peer, security: '/noise', muxer: '/yamux/1.0.0', transport: 'tcp' }])
  expect(json(dial)[0]?.['protocols']).toContain('/perf/1.0.0')

  const ping = peerloom('ping', address, '--json', '--count', '3', '--interval', '100')
  expect(await ping.ended()).toBe(0)
  expect(json(ping)).toHaveLength(4)
  for (const { rttMs } of json(ping).slice(0, 3)) expect(rttMs).toBeGreaterThan(0)
  expect(json(ping)[3]).toHaveProperty('mean')

  const perf = peerloom('perf', address, '--json', '--mib', '2')
  expect(await perf.ended()).toBe(0)
  expect(json(perf)).toMatchObject([
    { direction: 'upload', mebibytes: 2 },
    { direction: 'download', mebibytes: 2 }
  ])

  const inspect = peerloom('inspect', address, '--json')
  expect(await inspect.ended()).toBe(0)
  expect(json(inspect)).toMatchObject([{ status: 'started', connections: [{ peer, direction: 'outbound' }] }])

  const text = peerloom('dial', address)
  expect(await text.ended()).toBe(0)
  expect(text.lines()[0]).toBe(`peer      ${peer}`)

  await until('all have left', () => json(listener).filter((line) => 'left' in line).length === 5)
  // Some stay too short a time to be asked who they are.
  const known = json(listener).filter((line) => 'agent' in line)
  expect(known.length).toBeGreaterThan(0)
  for (const { agent } of known) expect(agent).toMatch(/^peerloom\//)
  listener.interrupt()
  expect(await listener.ended()).toBe(0)
  expect(listener.errors()).toBe('')
})

test('a peer that is not there is exit code 1, with a line for each address', async () => {
  const run = peerloom('dial', '/ip4/127.0.0.1/tcp/1')
  expect(await run.ended()).toBe(1)
  expect(run.errors()).toMatch(
    /^ERR_DIAL: could not dial .*\n {2}\/ip4\/127.0.0.1\/tcp\/1 connect: ERR_ADDRESS_UNREACHABLE/
  )
})

test('an address that is taken is exit code 1', async () => {
  const { run, address } = await listening()
  const second = peerloom('listen', '--listen', address.replace(/\/p2p\/.*/, ''))
  expect(await second.ended()).toBe(1)
  expect(second.errors()).toMatch(/^ERR_LISTEN: /)
  run.interrupt()
  expect(await run.ended()).toBe(0)
})
