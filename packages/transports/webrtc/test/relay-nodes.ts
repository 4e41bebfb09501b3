// Nodes that meet over a relay of ours and go on without it.
import { circuitRelay, circuitRelayServer } from '@peerloom/circuit-relay'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { webRTC } from '@peerloom/webrtc'
import { yamux } from '@peerloom/yamux'

const secure = () => ({ connectionEncryption: [noise()], streamMuxers: [yamux()], services: { identify: identify() } })

/** A relay with the limits that one has by default. */
export function relayNode() {
  return createNode({
    ...secure(),
    transports: [tcp()],
    services: { identify: identify(), relay: circuitRelayServer() },
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] }
  })
}

/** A peer that nobody can dial; it listens at the relay when one is named. */
export function privateNode(relay?: string) {
  return createNode({
    ...secure(),
    transports: [tcp(), circuitRelay(), webRTC()],
    addresses: { listen: relay === undefined ? [] : [`${relay}/p2p-circuit`, '/webrtc'] }
  })
}

/** Its address by WebRTC, once the relay has let it in. */
export async function privateAddress(node: Awaited<ReturnType<typeof privateNode>>): Promise<string> {
  const isPrivate = (address: string): boolean => address.includes('/p2p-circuit/webrtc')
  return new Promise((resolve) => {
    node.events.on('addresses', () => {
      const found = node.multiaddrs().map(String).find(isPrivate)
      if (found !== undefined) resolve(found)
    })
  })
}
