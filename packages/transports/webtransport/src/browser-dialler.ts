import { type Clock, PeerloomError, toError } from '@peerloom/interface'
import type { EngineConnection } from '@peerloom/quic-engine'
import { authorityOf, digestOf, type WebTransportAddress } from './address.ts'
import { sessionPath } from './options.ts'
import { WebSession, type WebTransportLike } from './web-session.ts'

type WebTransportConstructor = new (
  url: string,
  options: { serverCertificateHashes: { algorithm: string; value: Uint8Array }[] }
) => WebTransportLike

/** Opens a session by the browser's WebTransport, which checks the certificate. */
export async function openBrowserSession(
  target: WebTransportAddress,
  signal: AbortSignal,
  clock: Clock
): Promise<EngineConnection> {
  const { WebTransport } = globalThis as { WebTransport?: WebTransportConstructor }
  if (WebTransport === undefined) {
    throw new PeerloomError('ERR_NO_TRANSPORT', 'this environment has no WebTransport, or the page is not a secure one')
  }
  const web = new WebTransport(`https://${authorityOf(target)}${sessionPath}`, {
    serverCertificateHashes: target.hashes.map((hash) => ({ algorithm: 'sha-256', value: digestOf(hash) }))
  })
  const session = new WebSession(web, clock)
  web.closed.catch(() => {})
  const onAbort = (): void => session.abort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await web.ready
    return session
  } catch (cause) {
    throw new PeerloomError('ERR_ADDRESS_UNREACHABLE', `WebTransport: ${toError(cause).message}`, { cause })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
