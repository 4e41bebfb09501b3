import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { ipAddress } from '@peerloom/sockets'
import type { UdpAddress } from '@peerloom/quic-engine'

/** `/ip4|ip6/…/udp/…/quic-v1` with an optional `/p2p/…`; undefined for every other address. */
export function toUdpAddress(address: Multiaddr): UdpAddress | undefined {
  const [ip, udp, quic, peer, ...rest] = address.getComponents()
  if ((ip?.name !== 'ip4' && ip?.name !== 'ip6') || ip.value === undefined) return undefined
  if (udp?.name !== 'udp' || udp.value === undefined || quic?.name !== 'quic-v1') return undefined
  if ((peer !== undefined && peer.name !== 'p2p') || rest.length > 0) return undefined
  return { host: ip.value, port: Number(udp.value) }
}

export function fromUdpAddress({ host, port }: UdpAddress): Multiaddr {
  return multiaddr(`${ipAddress(host)}/udp/${port}/quic-v1`)
}
