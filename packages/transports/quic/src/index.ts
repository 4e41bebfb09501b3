import {
  type Capability,
  defineModule,
  identityKeyCapability,
  type Module,
  PeerloomError,
  type Transport
} from '@peerloom/interface'
import { defaultQuicSettings, type QuicOptions } from './options.ts'
import { QuicTransport } from './quic.ts'
import { QuicheEngine } from './quiche-engine.ts'
import { QuinnEngine } from './quinn-engine.ts'

/** The quinn addon signs in its own handshake; the quiche engine asks the node to sign, as everybody else does. */
const quinnNeeds: readonly Capability<unknown>[] = [identityKeyCapability]

/**
 * QUIC: `/ip4/1.2.3.4/udp/4001/quic-v1`, `/ip6/…`. Brings encryption (libp2p TLS) and streams. Node only.
 *
 * ```ts
 * const node = await createNode({ transports: [quic()], addresses: { listen: ['/ip4/0.0.0.0/udp/0/quic-v1'] } })
 * ```
 *
 * Throws ERR_MODULE_CONFLICT in a private network, which QUIC cannot be a part of.
 */
export function quic(options?: QuicOptions): Module<Transport> {
  return defineModule({
    name: '@peerloom/quic',
    needs: options?.engine === 'quiche' ? [] : quinnNeeds,
    options,
    create: (node) => {
      if (node.privateNetwork !== undefined) {
        const why = 'QUIC brings its own encryption and cannot be a part of a private network: leave quic() out'
        throw new PeerloomError('ERR_MODULE_CONFLICT', why)
      }
      const settings = { ...defaultQuicSettings, ...options }
      const engine =
        settings.engine === 'quiche'
          ? new QuicheEngine(node, settings, node.log('quic'))
          : new QuinnEngine(node.capability(identityKeyCapability), settings, node.clock)
      return new QuicTransport(engine)
    }
  })
}

export type { QuicOptions } from './options.ts'
