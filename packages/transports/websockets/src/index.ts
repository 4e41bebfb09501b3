import { defineModule, type Module, type Transport } from '@peerloom/interface'
import { settingsOf, type WebSocketOptions } from './options.ts'
import { WebSocketTransport } from './websockets.ts'

/**
 * WebSockets: `/ip4/1.2.3.4/tcp/4001/ws`, `/dns4/example.com/tcp/443/tls/ws`. Browsers dial, Node dials and listens.
 *
 * ```ts
 * const node = await createNode({ transports: [webSockets()], addresses: { listen: ['/ip4/0.0.0.0/tcp/0/ws'] } })
 * ```
 */
export function webSockets(options?: WebSocketOptions): Module<Transport> {
  return defineModule({
    name: '@peerloom/websockets',
    options,
    create: (node) => new WebSocketTransport(node, settingsOf(options))
  })
}

export { certificates } from './certificates.ts'
export type { Certificates, TlsCredentials } from './certificates.ts'
export { defaultWebSocketOptions } from './options.ts'
export type { ClientTlsOptions, UpgradeServer, WebSocketOptions } from './options.ts'
