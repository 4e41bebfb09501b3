import { startPeerloomPeer, type ForeignPeer } from '@peerloom/interop'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Kubo, kuboColumns, startKubo } from '../src/kubo.ts'
import { recordResult } from '../src/results.ts'
import { stacks, type StackName } from '../src/stacks.ts'

/** Long enough for a cold build. */
const buildTimeoutMs = 40 * 60_000
const patience = { timeout: 10_000 } as const
const chosen = process.env['PEERLOOM_INTEROP_STACKS']?.split(',') ?? kuboColumns
const asked =
  (process.env['PEERLOOM_INTEROP'] ?? 'tcp') === 'tcp'
    ? ['tcp' as const]
    : kuboColumns.filter((stack) => chosen.includes(stack))

let kubo: Kubo | undefined

beforeAll(async () => {
  kubo = await startKubo()
}, buildTimeoutMs)

afterAll(async () => {
  await kubo?.stop()
})

describe.each(asked)('kubo over %s', (stack) => {
  let ours: ForeignPeer | undefined

  beforeAll(async () => {
    if (kubo !== undefined) ours = await startPeerloomPeer({ stack })
  })

  afterAll(async () => {
    await ours?.stop()
  })

  const row = (title: string, dialler: string, run: (ours: ForeignPeer, kubo: Kubo) => Promise<void>): void => {
    it(title, { timeout: 60_000 }, async (context) => {
      const listener = dialler === 'kubo' ? 'peerloom' : 'kubo'
      const implementations = [ours?.implementation ?? '', kubo?.version ?? '']
      const common = {
        stack,
        dialler,
        listener,
        implementations,
        notes: ['kubo is asked to connect, ping and identify']
      }
      if (ours === undefined || kubo === undefined) {
        recordResult({ ...common, result: 'missing', failures: [] })
        context.skip('SKIPPED: kubo cannot be had here')
        return
      }
      try {
        await run(ours, kubo)
        recordResult({ ...common, result: 'pass', failures: [] })
      } catch (error) {
        recordResult({ ...common, result: 'fail', failures: [String(error).split('\n')[0] ?? ''] })
        throw error
      }
    })
  }

  const talk = async (ours: ForeignPeer, kubo: Kubo): Promise<void> => {
    expect(await kubo.ping(ours.peerId, 3)).toBe(3)
    expect(await ours.ping(kubo.peerId, 3)).toHaveLength(3)
    expect((await ours.identify(kubo.peerId)).agentVersion).toMatch(/^kubo\/0\.42\.0/)
    const addresses = await kubo.connections(ours.peerId)
    expect(addresses).toHaveLength(1)
    await ours.close(kubo.peerId)
    await expect.poll(() => kubo.connections(ours.peerId), patience).toHaveLength(0)
  }

  row('dials us', 'kubo', async (ours, kubo) => {
    await kubo.connect(ours.addresses[0] ?? '')
    expect((await ours.connectionInfo(kubo.peerId)).direction).toBe('inbound')
    await talk(ours, kubo)
  })

  row('is dialled by us', 'peerloom', async (ours, kubo) => {
    const address = kubo.addresses.find((candidate) => isOf(stack, candidate)) ?? ''
    expect(await ours.dial(address)).toBe(kubo.peerId)
    expect((await ours.connectionInfo(kubo.peerId)).remoteAddr).toMatch(stacks[stack].address)
    await talk(ours, kubo)
  })
})

function isOf(stack: StackName, address: string): boolean {
  const { transport } = stacks[stack]
  const path = address.split('/p2p/')[0] ?? ''
  if (transport === 'tcp') return /\/tcp\/\d+$/.test(path)
  if (transport === 'quic-v1') return path.endsWith('/quic-v1')
  return path.includes(`/${transport}`)
}
