import { defineModule, type Module, type SecureTransport } from '@peerloom/interface'
import { Tls, type TlsOptions } from './tls.ts'

/**
 * TLS 1.3 as libp2p uses it, `/tls/1.0.0`, with the muxer agreed inside the handshake where the remote can. On a socket
 * of ours the runtime's own TLS takes the socket over, so that no byte passes through JavaScript twice. Node only.
 *
 * ```ts
 * const node = await createNode({ connectionEncryption: [tls(), noise()], transports: [tcp()], streamMuxers: [yamux()] })
 * ```
 */
export function tls(options?: TlsOptions): Module<SecureTransport> {
  return defineModule({
    name: '@peerloom/tls',
    options,
    create: (node) => new Tls(node, options ?? {})
  })
}

export type { TlsOptions } from './tls.ts'
