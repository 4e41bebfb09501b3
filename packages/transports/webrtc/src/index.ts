import { defineModule, type Module, type Transport } from '@peerloom/interface'
import { CertificateKeeper } from './certificate-keeper.ts'
import { DirectTransport } from './direct.ts'
import { DirectListener } from './direct-listener.ts'
import { resolveDirectOptions, type WebRTCDirectOptions } from './direct-options.ts'
import { engine } from './engine.ts'
import { PrivateTransport } from './private.ts'
import { resolvePrivateOptions, type WebRTCOptions } from './private-options.ts'

/**
 * WebRTC to a node with a public address: `/ip4/1.2.3.4/udp/4001/webrtc-direct/certhash/…`. Node listens, browsers and
 * Node dial. Needs `node-datachannel` in Node, and Noise among the node's security modules.
 *
 * ```ts
 * const node = await createNode({
 *   transports: [webRTCDirect()],
 *   connectionEncryption: [noise()],
 *   addresses: { listen: ['/ip4/0.0.0.0/udp/4001/webrtc-direct'] }
 * })
 * ```
 */
export function webRTCDirect(options?: WebRTCDirectOptions): Module<Transport> {
  const settings = resolveDirectOptions(options ?? {}, [1, 2])
  return defineModule({
    name: '@peerloom/webrtc/direct',
    options,
    create: (node) => {
      const certificates = new CertificateKeeper(node, settings.certificateDays, node.log('webrtc-direct'))
      return new DirectTransport(
        node,
        engine,
        settings,
        (listenOptions) => new DirectListener(node, settings, certificates, listenOptions)
      )
    }
  })
}

/**
 * WebRTC between peers that nobody can dial, arranged over a relay: `/…/p2p/<relay>/p2p-circuit/webrtc/p2p/<peer>`. Needs
 * `node-datachannel` in Node.
 *
 * ```ts
 * const node = await createNode({
 *   transports: [tcp(), circuitRelay(), webRTC({ iceServers: [{ urls: 'stun:stun.example.org:3478' }] })],
 *   addresses: { listen: ['/p2p-circuit', '/webrtc'] }
 * })
 * ```
 */
export function webRTC(options?: WebRTCOptions): Module<Transport> {
  const settings = resolvePrivateOptions(options ?? {})
  return defineModule({
    name: '@peerloom/webrtc',
    options,
    create: (node) => new PrivateTransport(node, engine, settings)
  })
}

export type { WebRTCDirectOptions } from './direct-options.ts'
export type { IceServer } from './engine-interface.ts'
export type { DataChannelOptions } from './options.ts'
export type { WebRTCOptions } from './private-options.ts'
