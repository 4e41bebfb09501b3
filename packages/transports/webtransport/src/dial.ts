import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, type Connection, type DialOptions, PeerloomError, toError } from '@peerloom/interface'
import { createNativeMuxer, engineChannel } from '@peerloom/quic-engine'
import { digestOf, toWebTransportAddress } from './address.ts'
import { securityName, sessionPath, transportName, type WebTransportSettings } from './options.ts'
import { WebSession, type WebTransportLike } from './web-session.ts'

type WebTransportConstructor = new (
  url: string,
  options: { serverCertificateHashes: { algorithm: string; value: Uint8Array }[] }
) => WebTransportLike

const equal = (one: Uint8Array, two: Uint8Array): boolean =>
  one.length === two.length && one.every((byte, at) => byte === two[at])

/** Dials by the browser's WebTransport, then finds out by Noise who answered. */
export async function dial(
  address: Multiaddr,
  options: DialOptions,
  settings: WebTransportSettings,
  clock: Clock
): Promise<Connection> {
  const { upgrader, expected, onStage, signal } = options
  const target = toWebTransportAddress(address)
  if (target === undefined || target.hashes.length === 0) {
    throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is not a WebTransport address with a certificate hash`)
  }
  const { WebTransport } = globalThis as { WebTransport?: WebTransportConstructor }
  if (WebTransport === undefined) {
    throw new PeerloomError('ERR_NO_TRANSPORT', 'this environment has no WebTransport, or the page is not a secure one')
  }
  signal?.throwIfAborted()
  onStage?.('connect')
  const host = target.host.includes(':') ? `[${target.host}]` : target.host
  const web = new WebTransport(`https://${host}:${target.port}${sessionPath}`, {
    serverCertificateHashes: target.hashes.map((hash) => ({ algorithm: 'sha-256', value: digestOf(hash) }))
  })
  const session = new WebSession(web, clock)
  web.closed.catch(() => {})
  let failure: Error | undefined
  const giveUp = (error: Error): void => {
    failure ??= error
    session.abort()
  }
  const onAbort = (): void => giveUp(toError(signal?.reason))
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = clock.setTimeout(
    () => giveUp(new PeerloomError('ERR_TIMEOUT', `the handshake took over ${settings.handshakeTimeoutMs} ms`)),
    settings.handshakeTimeoutMs
  )
  try {
    await web.ready.catch((cause: unknown) => {
      throw new PeerloomError('ERR_ADDRESS_UNREACHABLE', `WebTransport: ${toError(cause).message}`, { cause })
    })
    onStage?.('security')
    const channel = engineChannel(await session.open(), 'outbound', clock)
    const secured = await upgrader.secure(securityName, channel, {
      role: 'initiator',
      expected,
      muxers: [],
      // Whoever answered vouches for every certificate that we would have taken (webtransport specification).
      verifyCertHashes: (vouched) => {
        if (target.hashes.every((hash) => vouched.some((one) => equal(one, hash)))) return
        throw new PeerloomError('ERR_SECURITY', 'the peer does not vouch for the certificates of its address', {
          remote: true
        })
      }
    })
    secured.channel.close().catch(() => {})
    return await upgrader.adoptOutbound({
      ...options,
      transport: transportName,
      security: securityName,
      remoteAddress: address,
      remotePeer: secured.remotePeer,
      remoteKey: secured.remoteKey,
      createMuxer: (muxer) => createNativeMuxer(transportName, session, muxer)
    })
  } catch (error) {
    session.abort()
    throw failure ?? error
  } finally {
    clock.clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
