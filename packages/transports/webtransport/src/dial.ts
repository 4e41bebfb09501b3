import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, type Connection, type DialOptions, PeerloomError, toError } from '@peerloom/interface'
import { createNativeMuxer, engineChannel, type EngineConnection } from '@peerloom/quic-engine'
import { toWebTransportAddress, type WebTransportAddress } from './address.ts'
import { securityName, transportName, type WebTransportSettings } from './options.ts'

/**
 * Gets to a session whose certificate has one of the address's hashes. Rejects with ERR_ADDRESS_UNREACHABLE, ERR_SECURITY, and
 * whatever once the signal is aborted.
 */
export type OpenSession = (target: WebTransportAddress, signal: AbortSignal) => Promise<EngineConnection>

const equal = (one: Uint8Array, two: Uint8Array): boolean =>
  one.length === two.length && one.every((byte, at) => byte === two[at])

/** Opens a session, then finds out by Noise who answered. */
export async function dial(
  address: Multiaddr,
  options: DialOptions,
  { handshakeTimeoutMs }: WebTransportSettings,
  clock: Clock,
  openSession: OpenSession
): Promise<Connection> {
  const { upgrader, expected, onStage, signal } = options
  const target = toWebTransportAddress(address)
  if (target === undefined || target.hashes.length === 0) {
    throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is not a WebTransport address with a certificate hash`)
  }
  signal?.throwIfAborted()
  onStage?.('connect')
  const stop = new AbortController()
  const onAbort = (): void => stop.abort(toError(signal?.reason))
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = clock.setTimeout(() => {
    stop.abort(new PeerloomError('ERR_TIMEOUT', `the handshake took over ${handshakeTimeoutMs} ms`))
  }, handshakeTimeoutMs)
  let session: EngineConnection | undefined
  const giveUp = (): void => session?.abort()
  stop.signal.addEventListener('abort', giveUp, { once: true })
  try {
    const opened = await openSession(target, stop.signal)
    session = opened
    stop.signal.throwIfAborted()
    onStage?.('security')
    const channel = engineChannel(await opened.open(), 'outbound', clock)
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
      createMuxer: (muxer) => createNativeMuxer(transportName, opened, muxer)
    })
  } catch (error) {
    session?.abort()
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    clock.clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    stop.signal.removeEventListener('abort', giveUp)
  }
}
