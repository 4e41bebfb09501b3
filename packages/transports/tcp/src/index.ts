import { defineModule, type Module, type Transport } from '@peerloom/interface'
import { type TcpOptions, TcpTransport } from './tcp.ts'

/**
 * TCP and unix sockets: `/ip4/1.2.3.4/tcp/4001`, `/ip6/…/tcp/…`, `/unix/…`. Node only.
 *
 * ```ts
 * const node = await createNode({ transports: [tcp()], addresses: { listen: ['/ip4/0.0.0.0/tcp/0'] } })
 * ```
 */
export function tcp(options?: TcpOptions): Module<Transport> {
  return defineModule({
    name: '@peerloom/tcp',
    options,
    create: (node) => new TcpTransport(node.clock, options ?? {})
  })
}

export type { TcpOptions } from './tcp.ts'
