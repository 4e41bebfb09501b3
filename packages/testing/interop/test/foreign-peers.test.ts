import { startForeignPeer, startNpmPeer, type ForeignPeer } from '@peerloom/interop'
import { afterAll, beforeAll, describe, expect, it, vi, type TestContext } from 'vitest'

const names = ['go', 'rust', 'npm'] as const
type Name = (typeof names)[number]

/** Long enough for a cold build of both peers. */
const buildTimeoutMs = 30 * 60_000
const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => ({ from, to })))
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function start(name: Name, keyType?: 'ed25519' | 'secp256k1' | 'rsa' | 'ecdsa'): Promise<ForeignPeer | undefined> {
  const options = keyType === undefined ? {} : { keyType }
  return name === 'npm' ? startNpmPeer(options) : startForeignPeer(name, options)
}

describe.each(pairs)('$from dials $to', ({ from, to }) => {
  const started: ForeignPeer[] = []
  let a: ForeignPeer
  let b: ForeignPeer
  let missing = false

  beforeAll(async () => {
    for (const name of [from, to]) {
      const peer = await start(name)
      if (peer === undefined) missing = true
      else started.push(peer)
    }
    if (missing) return
    ;[a, b] = started as [ForeignPeer, ForeignPeer]
    await a.dial(b.addresses[0] ?? '')
    // The dialler may be ready before the other side has seen the end of the handshake.
    await vi.waitFor(() => b.connectionInfo(a.peerId), { timeout: 5000 })
  }, buildTimeoutMs)

  afterAll(async () => {
    await Promise.all(started.map((peer) => peer.stop()))
  })

  const row = (title: string, run: () => Promise<void>): void => {
    it(title, async (context: TestContext) => {
      if (missing) context.skip()
      await run()
    })
  }

  row('negotiates noise and yamux', async () => {
    const [near, far] = await Promise.all([a.connectionInfo(b.peerId), b.connectionInfo(a.peerId)])
    expect(near).toMatchObject({ direction: 'outbound', security: '/noise', muxer: '/yamux/1.0.0' })
    expect(far).toMatchObject({ direction: 'inbound', security: '/noise', muxer: '/yamux/1.0.0' })
    await expect(a.connections(b.peerId)).resolves.toHaveLength(1)
  })

  row('pings', async () => {
    const rtts = await a.ping(b.peerId, 5)
    expect(rtts).toHaveLength(5)
    expect(Math.min(...rtts)).toBeGreaterThanOrEqual(0)
  })

  row('gets 4 MiB echoed on four streams at once', async () => {
    await expect(a.echo(b.peerId, { bytes: 1 << 20, streams: 4 })).resolves.toBe(4 << 20)
  })

  row('gets many small streams echoed at once', async () => {
    await expect(a.echo(b.peerId, { bytes: 1000, streams: 100 })).resolves.toBe(100_000)
  })

  row('gets an answer after it has closed its half', async () => {
    await a.digest(b.peerId, 700_000)
    await a.digest(b.peerId, 0)
  })

  row('sees a reset', async () => {
    await a.reset(b.peerId)
  })

  row('sends a reset that the other side sees', async () => {
    const before = await b.stats()
    await a.sendReset(b.peerId)
    await expect.poll(async () => (await b.stats()).resets, { timeout: 5000 }).toBe(before.resets + 1)
  })

  row('is told by identify who the other side is', async () => {
    const told = await a.identify(b.peerId)
    const own = await b.id()
    expect(told.publicKey).toEqual(own.publicKey)
    expect(told.listenAddrs.map((address) => address.replace(/\/p2p\/.*/, ''))).toContain(
      own.addresses[0]?.replace(/\/p2p\/.*/, '')
    )
    expect(told.protocols).toContain('/interop/echo/1.0.0')
    expect(told.observedAddr).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+/)
    // rust-libp2p sends no record, and accepts only those in a format of its own.
    const understood = from !== 'rust' && to !== 'rust'
    expect(told.signedPeerRecord !== undefined).toBe(understood)
  })

  row('is pushed a protocol that the other side adds, and uses it', async () => {
    const protocol = `/interop/added-for-${from}/1.0.0`
    await a.identify(b.peerId)
    await expect(a.echo(b.peerId, { bytes: 10, protocol })).rejects.toThrow()
    await b.handle(protocol)
    await expect.poll(async () => (await a.identify(b.peerId)).protocols, { timeout: 5000 }).toContain(protocol)
    await expect(a.echo(b.peerId, { bytes: 10, protocol })).resolves.toBe(10)
  })

  row('lets the other side open streams on the same connection', async () => {
    await expect(b.echo(a.peerId, { bytes: 100_000, streams: 2 })).resolves.toBe(200_000)
    await expect(b.connections(a.peerId)).resolves.toHaveLength(1)
  })

  row('accepts the signature and the peer record of the other side', async () => {
    const data = bytesOf('signed elsewhere')
    const { publicKey, peerId } = await b.id()
    const signature = await b.sign(data)
    await expect(a.verify(publicKey, data, signature)).resolves.toEqual({ valid: true, peerId })
    await expect(a.verify(publicKey, bytesOf('something else'), signature)).resolves.toEqual({ valid: false, peerId })
    const { record, ...content } = await b.peerRecord()
    await expect(a.verifyRecord(record)).resolves.toEqual(content)
    await expect(a.verifyRecord(record.with(record.length - 1, (record.at(-1) ?? 0) ^ 1))).rejects.toThrow()
  })

  row('closes the connection for both', async () => {
    await a.close(b.peerId)
    await expect(a.connections(b.peerId)).resolves.toHaveLength(0)
    await expect.poll(() => b.connections(a.peerId), { timeout: 5000 }).toHaveLength(0)
    await expect(a.identify(b.peerId)).rejects.toThrow('not connected')
  })

  row('refuses an address that promises another peer', async () => {
    const promised = b.addresses[0]?.replace(b.peerId, strangerId) ?? ''
    await expect(a.dial(promised)).rejects.toThrow()
  })

  for (const keyType of ['secp256k1', 'ecdsa', 'rsa'] as const) {
    // npm libp2p has ECDSA keys but makes no peer ids of them.
    if (keyType === 'ecdsa' && (from === 'npm' || to === 'npm')) continue
    row(`connects between ${keyType} keys`, async () => {
      await using near = await start(from, keyType)
      await using far = await start(to, keyType)
      expect(await near?.dial(far?.addresses[0] ?? '')).toBe(far?.peerId)
      expect(await near?.echo(far?.peerId ?? '', { bytes: 1000 })).toBe(1000)
    })
  }
})

it(
  'go identifies rust despite a record it cannot open, rust takes it',
  { timeout: buildTimeoutMs },
  async (context: TestContext) => {
    await using go = await startForeignPeer('go')
    await using rust = await startForeignPeer('rust', { legacyIdentifyRecord: true })
    await using other = await startForeignPeer('rust')
    if (go === undefined || rust === undefined || other === undefined) context.skip()
    for (const peer of [go, other]) await peer.dial(rust.addresses[0] ?? '')
    const [toGo, toRust] = await Promise.all([go.identify(rust.peerId), other.identify(rust.peerId)])
    expect(toGo.signedPeerRecord).toBeUndefined()
    expect(toGo.protocols).toContain('/interop/echo/1.0.0')
    expect(toRust.signedPeerRecord).toBeInstanceOf(Uint8Array)
    const legacy = await rust.peerRecord({ legacy: true })
    await expect(go.verifyRecord(legacy.record)).rejects.toThrow()
  }
)

/** A valid peer id whose key nobody here has. */
const strangerId = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'

describe.each(['go', 'rust'] as const)('the %s peer', (kind) => {
  it(
    'ends when it is stopped, and says so to whoever still asks',
    { timeout: buildTimeoutMs },
    async (context: TestContext) => {
      const peer = await startForeignPeer(kind)
      if (peer === undefined) context.skip()
      await peer.stop()
      await peer.stop()
      await expect(peer.stats()).rejects.toThrow('exited')
    }
  )

  it('is not started for a signal that has aborted', async () => {
    const reason = new Error('no longer wanted')
    await expect(startForeignPeer(kind, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it(
    'says what is wrong with an address it cannot listen on',
    { timeout: buildTimeoutMs },
    async (context: TestContext) => {
      const starting = startForeignPeer(kind, { listen: ['/ip4/127.0.0.1/udp/1'] }).catch((error: unknown) => error)
      const result = await starting
      if (result === undefined) context.skip()
      expect(result).toBeInstanceOf(Error)
    }
  )

  it('gives up a command when its signal aborts', { timeout: buildTimeoutMs }, async (context: TestContext) => {
    await using peer = await startForeignPeer(kind)
    if (peer === undefined) context.skip()
    const reason = new Error('changed my mind')
    await expect(peer.stats({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(peer.stats()).resolves.toMatchObject({ resets: 0 })
  })
})
