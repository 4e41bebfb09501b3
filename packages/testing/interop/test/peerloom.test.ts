import { type ForeignPeer, startForeignPeer, startNpmPeer, startPeerloomPeer } from '@peerloom/interop'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

/** Long enough for a cold build of both peers. */
const buildTimeoutMs = 30 * 60_000

const peers: Record<string, () => Promise<ForeignPeer | undefined>> = {
  'js-libp2p': () => startNpmPeer(),
  'js-libp2p, frozen noise and yamux': () => startNpmPeer({ frozen: true }),
  'go-libp2p': () => startForeignPeer('go'),
  'rust-libp2p': () => startForeignPeer('rust'),
  peerloom: () => startPeerloomPeer()
}
const rows = Object.keys(peers).flatMap((name) => [
  { name, role: 'we dial' },
  { name, role: 'we listen' }
])

describe.each(rows)('$name, $role', ({ name, role }) => {
  let ours: ForeignPeer
  let theirs: ForeignPeer | undefined
  /** Who dialled, and who was dialled. */
  let near: ForeignPeer
  let far: ForeignPeer

  beforeAll(async () => {
    theirs = await peers[name]?.()
    if (theirs === undefined) return
    ours = await startPeerloomPeer()
    ;[near, far] = role === 'we dial' ? [ours, theirs] : [theirs, ours]
    await near.dial(far.addresses[0] ?? '')
    // The side that dialled is through half a round trip earlier.
    await vi.waitFor(async () => expect(await far.connections(near.peerId)).toHaveLength(1), 10_000)
  }, buildTimeoutMs)

  afterAll(async () => {
    await ours?.stop()
    await theirs?.stop()
  })

  const row = (title: string, run: (theirs: ForeignPeer) => Promise<void>): void => {
    it(title, { timeout: 60_000 }, async (context) => {
      if (theirs === undefined) context.skip(`SKIPPED: ${name} cannot be built here`)
      else await run(theirs)
    })
  }

  row('agrees on Noise and yamux, early where the other side can', async (theirs) => {
    const info = await ours.connectionInfo(theirs.peerId)
    expect(info).toMatchObject({ security: '/noise', muxer: '/yamux/1.0.0' })
    expect(info.earlyMuxer).toBe(name !== 'rust-libp2p')
  })

  row('pings both ways', async (theirs) => {
    expect(await ours.ping(theirs.peerId, 5)).toHaveLength(5)
    expect(await theirs.ping(ours.peerId, 5)).toHaveLength(5)
  })

  row('echoes 10 MiB, started by either side', async (theirs) => {
    expect(await ours.echo(theirs.peerId, { bytes: 10 << 20 })).toBe(10 << 20)
    expect(await theirs.echo(ours.peerId, { bytes: 10 << 20 })).toBe(10 << 20)
  })

  row('half-closes, started by either side', async (theirs) => {
    for (const bytes of [0, 1, 100_000]) {
      await ours.digest(theirs.peerId, bytes)
      await theirs.digest(ours.peerId, bytes)
    }
  })

  row('resets and sees resets, both ways', async (theirs) => {
    await ours.reset(theirs.peerId)
    await theirs.reset(ours.peerId)
    await ours.sendReset(theirs.peerId)
    await expect.poll(async () => (await theirs.stats()).resets).toBe(1)
    await theirs.sendReset(ours.peerId)
    await expect.poll(async () => (await ours.stats()).resets).toBe(1)
  })

  row('runs 100 streams at once, from both sides', async (theirs) => {
    const options = { bytes: 50_000, streams: 100 }
    const both = await Promise.all([ours.echo(theirs.peerId, options), theirs.echo(ours.peerId, options)])
    expect(both).toEqual([5_000_000, 5_000_000])
  })

  row('tells who it is, and is told', async (theirs) => {
    const known = await ours.identify(theirs.peerId)
    const identity = await theirs.id()
    expect(Buffer.from(known.publicKey)).toEqual(Buffer.from(identity.publicKey))
    expect(known.protocols).toContain('/interop/echo/1.0.0')
    expect(known.agentVersion).not.toBe('')
    expect(known.observedAddr).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+/)
    expect(known.signedPeerRecord !== undefined).toBe(name !== 'rust-libp2p')

    const told = await theirs.identify(ours.peerId)
    expect(told).toMatchObject({ agentVersion: 'peerloom/0.1.0', protocolVersion: 'ipfs/0.1.0' })
    expect(told.protocols).toEqual(
      expect.arrayContaining(['/interop/echo/1.0.0', '/ipfs/id/1.0.0', '/ipfs/ping/1.0.0'])
    )
    expect(Buffer.from(told.publicKey)).toEqual(Buffer.from((await ours.id()).publicKey))
    expect(told.listenAddrs.map((address) => address.split('/p2p/')[0])).toEqual(
      ours.addresses.map((address) => address.split('/p2p/')[0])
    )
  })

  row('pushes what changes, and takes pushes', async (theirs) => {
    await ours.handle('/interop/later/1.0.0')
    await expect
      .poll(async () => (await theirs.identify(ours.peerId)).protocols, { timeout: 10_000 })
      .toContain('/interop/later/1.0.0')
    await theirs.handle('/interop/later-too/1.0.0')
    await expect
      .poll(async () => (await ours.identify(theirs.peerId)).protocols, { timeout: 10_000 })
      .toContain('/interop/later-too/1.0.0')
    expect(await ours.echo(theirs.peerId, { bytes: 1000, protocol: '/interop/later-too/1.0.0' })).toBe(1000)
  })

  row('opens the peer record of the other', async (theirs) => {
    const [mine, other] = [await ours.peerRecord(), await theirs.peerRecord()]
    expect((await ours.verifyRecord(other.record)).peerId).toBe(theirs.peerId)
    expect((await theirs.verifyRecord(mine.record)).peerId).toBe(ours.peerId)
  })

  row('says good-bye in good order', async (theirs) => {
    await near.close(far.peerId)
    await expect.poll(() => ours.connections(theirs.peerId), { timeout: 10_000 }).toHaveLength(0)
    await expect.poll(() => theirs.connections(ours.peerId), { timeout: 10_000 }).toHaveLength(0)
  })
})
