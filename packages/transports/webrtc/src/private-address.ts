import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/** `<relay>/p2p-circuit/webrtc[/p2p/<peer>]`, taken apart. */
export interface PrivateAddress {
  /** The same peer by way of the relay alone. */
  readonly circuit: Multiaddr
  readonly peer: string | undefined
}

/** Undefined for every other address. */
export function parsePrivateAddress(address: Multiaddr): PrivateAddress | undefined {
  const parts = address.getComponents()
  const at = parts.findIndex(({ name }) => name === 'webrtc')
  if (at < 1 || parts[at - 1]?.name !== 'p2p-circuit') return undefined
  const [peer, more] = parts.slice(at + 1)
  if (more !== undefined || (peer !== undefined && peer.name !== 'p2p')) return undefined
  return { circuit: multiaddr(parts.filter((_, index) => index !== at)), peer: peer?.value }
}

/** `/webrtc`: listen wherever a relay makes us known. */
export function isWebRTCListen(address: Multiaddr): boolean {
  const [first, second] = address.getComponents()
  return first?.name === 'webrtc' && second === undefined
}

/** Where a peer with this own address takes WebRTC; undefined when that is not one at a relay. */
export function overRelay(own: Multiaddr): Multiaddr | undefined {
  const parts = own.getComponents()
  const end = parts.at(-1)?.name === 'p2p' && parts.at(-2)?.name === 'p2p-circuit' ? parts.slice(0, -1) : parts
  return end.at(-1)?.name === 'p2p-circuit' ? multiaddr(end).encapsulate('/webrtc') : undefined
}
