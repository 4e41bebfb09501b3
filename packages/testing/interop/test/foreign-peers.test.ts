import { startForeignPeer, type ForeignPeer } from '@peerloom/interop'
import { describe, expect, it, type TestContext } from 'vitest'
import { foreignNames, type PeerName } from '../src/matrix.ts'
import { startPeer } from '../src/start-peer.ts'

/** Long enough for a cold build of a peer. */
const buildTimeoutMs = 40 * 60_000
const names = foreignNames.filter((name) => name !== 'js frozen')
const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => ({ from, to })))
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
/** A valid peer id whose key nobody here has. */
const strangerId = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'

type KeyType = 'ed25519' | 'secp256k1' | 'rsa' | 'ecdsa'

function start(name: PeerName, keyType: KeyType = 'ed25519'): Promise<ForeignPeer | undefined> {
  return startPeer(name, { stack: 'tcp', keyType })
}

describe.each(pairs)('$from and $to', ({ from, to }) => {
  // npm libp2p has ECDSA keys but makes no peer ids of them.
  const keyTypes = (['ed25519', 'secp256k1', 'rsa', 'ecdsa'] as const).filter(
    (keyType) => keyType !== 'ecdsa' || (from !== 'js' && to !== 'js')
  )

  it.for(keyTypes)(
    'connect with %s keys and accept what those sign',
    { timeout: buildTimeoutMs },
    async (keyType, context) => {
      await using near = await start(from, keyType)
      await using far = await start(to, keyType)
      if (near === undefined || far === undefined) return context.skip('SKIPPED: a peer cannot be had here')
      expect(await near.dial(far.addresses[0] ?? '')).toBe(far.peerId)
      expect(await near.echo(far.peerId, { bytes: 1000 })).toBe(1000)
      const data = bytesOf('signed elsewhere')
      const { publicKey, peerId } = await far.id()
      const signature = await far.sign(data)
      await expect(near.verify(publicKey, data, signature)).resolves.toEqual({ valid: true, peerId })
      await expect(near.verify(publicKey, bytesOf('other'), signature)).resolves.toEqual({ valid: false, peerId })
      const { record, ...content } = await far.peerRecord()
      await expect(near.verifyRecord(record)).resolves.toEqual(content)
    }
  )

  it('refuse an address that promises another peer', { timeout: buildTimeoutMs }, async (context: TestContext) => {
    await using near = await start(from)
    await using far = await start(to)
    if (near === undefined || far === undefined) return context.skip('SKIPPED: a peer cannot be had here')
    const promised = far.addresses[0]?.replace(far.peerId, strangerId) ?? ''
    await expect(near.dial(promised)).rejects.toThrow()
    await expect(near.identify(far.peerId)).rejects.toThrow('not connected')
  })
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
