import type { ForgedCertificate } from '@peerloom/conformance/certificates'
import type { Socket } from 'node:net'
import { connect, createSecureContext, type SecureContextOptions, TLSSocket } from 'node:tls'

export interface StrangerOptions extends SecureContextOptions {
  /** None: it shows no certificate. */
  readonly certificate?: ForgedCertificate | undefined
  readonly alpn?: string[]
}

/** Plain TLS of Node's at the other end of a link, which does as it is told. */
export function stranger(socket: Socket, role: 'initiator' | 'responder', options: StrangerOptions): TLSSocket {
  const { certificate, alpn = ['libp2p'], ...rest } = options
  const secureContext = createSecureContext({
    ...(certificate === undefined ? {} : { cert: certificate.pem, key: certificate.privateKeyPem }),
    ...rest
  })
  const common = { secureContext, rejectUnauthorized: false, ALPNProtocols: alpn }
  const tls =
    role === 'initiator'
      ? connect({ socket, ...common })
      : new TLSSocket(socket, { isServer: true, requestCert: true, ...common })
  return tls.on('error', () => {})
}
