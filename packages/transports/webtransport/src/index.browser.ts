import { defineModule, type Module, PeerloomError, type Transport } from '@peerloom/interface'
import { defaultWebTransportSettings, type WebTransportOptions } from './options.ts'
import { WebTransportTransport } from './webtransport.browser.ts'

/**
 * WebTransport: `/ip4/1.2.3.4/udp/4001/quic-v1/webtransport/certhash/…`. Browsers dial, Node listens and
 * dials (experimental).
 *
 * ```ts
 * const node = await createNode({ transports: [webTransport()], connectionEncryption: [noise()] })
 * ```
 *
 * Throws ERR_MODULE_CONFLICT in a private network, which WebTransport cannot be a part of.
 */
export function webTransport(options?: WebTransportOptions): Module<Transport> {
  return defineModule({
    name: '@peerloom/webtransport',
    options,
    create: (node) => {
      if (node.privateNetwork !== undefined) {
        const why = 'WebTransport brings its own encryption and cannot be a part of a private network'
        throw new PeerloomError('ERR_MODULE_CONFLICT', `${why}: leave webTransport() out`)
      }
      const settings = { ...defaultWebTransportSettings, ...options }
      return new WebTransportTransport(node.clock, settings)
    }
  })
}

export type { WebTransportOptions } from './options.ts'
