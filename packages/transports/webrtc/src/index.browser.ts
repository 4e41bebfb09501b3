import { defineModule, type Module, type Transport } from '@peerloom/interface'
import { DirectTransport } from './direct.ts'
import { resolveDirectOptions, type WebRTCDirectOptions } from './direct-options.ts'
import { engine } from './engine.browser.ts'
import { PrivateTransport } from './private.ts'
import { resolvePrivateOptions, type WebRTCOptions } from './private-options.ts'

/**
 * WebRTC to a node with a public address: `/ip4/1.2.3.4/udp/4001/webrtc-direct/certhash/…`. Node listens, browsers and
 * Node dial. Needs Noise among the node's security modules.
 *
 * ```ts
 * const node = await createNode({ transports: [webRTCDirect()], connectionEncryption: [noise()] })
 * ```
 */
export function webRTCDirect(options?: WebRTCDirectOptions): Module<Transport> {
  const settings = resolveDirectOptions(options ?? {}, [2, 1])
  return defineModule({
    name: '@peerloom/webrtc/direct',
    options,
    create: (node) => new DirectTransport(node, engine, settings)
  })
}

/**
 * WebRTC between peers that nobody can dial, arranged over a relay: `/…/p2p/<relay>/p2p-circuit/webrtc/p2p/<peer>`.
 *
 * ```ts
 * const node = await createNode({
 *   transports: [webSockets(), circuitRelay(), webRTC({ iceServers: [{ urls: 'stun:stun.example.org:3478' }] })],
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
