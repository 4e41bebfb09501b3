import { type ForeignPeer, startNpmPeer, startPeerloomPeer } from '@peerloom/interop'
import { generatePreSharedKey } from '@peerloom/pnet'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

const psk = generatePreSharedKey()
const stacks = {
  mplex: { muxer: 'mplex' },
  'a private network': { psk },
  'mplex in a private network': { muxer: 'mplex', psk }
} as const
const rows = (Object.keys(stacks) as (keyof typeof stacks)[]).flatMap((stack) => [
  { stack, role: 'we dial' },
  { stack, role: 'we listen' }
])

describe.each(rows)('js-libp2p over $stack, $role', ({ stack, role }) => {
  let ours: ForeignPeer
  let theirs: ForeignPeer
  let near: ForeignPeer
  let far: ForeignPeer

  beforeAll(async () => {
    ;[ours, theirs] = await Promise.all([startPeerloomPeer(stacks[stack]), startNpmPeer(stacks[stack])])
    ;[near, far] = role === 'we dial' ? [ours, theirs] : [theirs, ours]
    await near.dial(far.addresses[0] ?? '')
    await vi.waitFor(async () => expect(await far.connections(near.peerId)).toHaveLength(1), 10_000)
  })

  afterAll(async () => {
    await Promise.all([ours?.stop(), theirs?.stop()])
  })

  it('agrees on the muxer', async () => {
    const muxer = stack.includes('mplex') ? '/mplex/6.7.0' : '/yamux/1.0.0'
    expect(await ours.connectionInfo(theirs.peerId)).toMatchObject({ security: '/noise', muxer })
    expect(await theirs.connectionInfo(ours.peerId)).toMatchObject({ security: '/noise', muxer })
  })

  it('pings both ways', async () => {
    expect(await ours.ping(theirs.peerId, 5)).toHaveLength(5)
    expect(await theirs.ping(ours.peerId, 5)).toHaveLength(5)
  })

  it('echoes 10 MiB, started by either side', { timeout: 60_000 }, async () => {
    expect(await ours.echo(theirs.peerId, { bytes: 10 << 20 })).toBe(10 << 20)
    expect(await theirs.echo(ours.peerId, { bytes: 10 << 20 })).toBe(10 << 20)
  })

  it('half-closes, started by either side', async () => {
    for (const bytes of [0, 1, 100_000, 3_000_000]) {
      await ours.digest(theirs.peerId, bytes)
      await theirs.digest(ours.peerId, bytes)
    }
  })

  it('resets and sees resets, both ways', async () => {
    await ours.reset(theirs.peerId)
    await theirs.reset(ours.peerId)
    await ours.sendReset(theirs.peerId)
    await expect.poll(async () => (await theirs.stats()).resets).toBe(1)
    await theirs.sendReset(ours.peerId)
    await expect.poll(async () => (await ours.stats()).resets).toBe(1)
  })

  it('runs 100 streams at once, from both sides', { timeout: 60_000 }, async () => {
    const options = { bytes: 50_000, streams: 100 }
    const both = await Promise.all([ours.echo(theirs.peerId, options), theirs.echo(ours.peerId, options)])
    expect(both).toEqual([5_000_000, 5_000_000])
  })

  it('tells who it is, and is told', async () => {
    expect((await ours.identify(theirs.peerId)).agentVersion).toMatch(/libp2p/)
    expect((await theirs.identify(ours.peerId)).agentVersion).toBe('peerloom/0.1.0')
  })

  it('says good-bye in good order', async () => {
    await near.close(far.peerId)
    await expect.poll(() => ours.connections(theirs.peerId), { timeout: 10_000 }).toHaveLength(0)
    await expect.poll(() => theirs.connections(ours.peerId), { timeout: 10_000 }).toHaveLength(0)
  })
})

describe.each([
  ['of another network', { psk: generatePreSharedKey() }],
  ['of no network', {}]
])('js-libp2p %s', (_name, options) => {
  it('cannot connect, nor be connected to', { timeout: 60_000 }, async () => {
    const [member, stranger] = await Promise.all([startPeerloomPeer({ psk }), startNpmPeer(options)])
    onTestFinished(async () => void (await Promise.all([member.stop(), stranger.stop()])))
    await expect(stranger.dial(member.addresses[0] ?? '')).rejects.toThrow()
    await expect(member.dial(stranger.addresses[0] ?? '')).rejects.toMatchObject({ code: 'ERR_DIAL' })
    expect(await member.connections(stranger.peerId)).toEqual([])
  })
})
