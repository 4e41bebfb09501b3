import type { Multiaddr } from '@multiformats/multiaddr'
import { type Ip, ipOf } from './ip.ts'

/** How far an address reaches: this host, its networks, or the internet. */
export type AddressScope = 'loopback' | 'private' | 'public'

export interface AddressKind {
  readonly scope: AddressScope
  readonly ip: 4 | 6 | undefined
  readonly transport: 'tcp' | 'ws' | 'quic' | 'webtransport' | 'webrtc' | 'other'
  /** Goes through a relay; the rest tells of the way to the relay. */
  readonly relayed: boolean
}

/** Blocks of IPv4 that are not the public internet, as [first address, prefix length]. */
const privateBlocks: readonly (readonly [number, number])[] = [
  [0x00000000, 8], // 0.0.0.0/8, "this network"
  [0x0a000000, 8], // 10.0.0.0/8
  [0xac100000, 12], // 172.16.0.0/12
  [0xc0a80000, 16], // 192.168.0.0/16
  [0xa9fe0000, 16], // 169.254.0.0/16, link-local
  [0x64400000, 10] // 100.64.0.0/10, carrier-grade NAT
]

/** Names that no public server answers for (RFC 6761, 6762, 8375, and what home routers use). */
const localName = /(^|\.)(local|internal|lan|home\.arpa)\.?$/
const hostName = /(^|\.)localhost\.?$/

function scopeOf(ip: Ip): AddressScope {
  if (ip.family === 4) {
    const { bits } = ip
    if (bits >>> 24 === 127) return 'loopback'
    return privateBlocks.some(([block, length]) => bits >>> (32 - length) === block >>> (32 - length))
      ? 'private'
      : 'public'
  }
  const { groups } = ip
  const [first = 0, last = 0] = [groups[0], groups[7]]
  if (groups.slice(0, 7).every((group) => group === 0)) return last === 1 ? 'loopback' : 'private'
  // fe80::/10 is link-local, fc00::/7 unique local.
  return (first & 0xffc0) === 0xfe80 || (first & 0xfe00) === 0xfc00 ? 'private' : 'public'
}

function scopeOfName(name: string): AddressScope {
  const lower = name.toLowerCase()
  if (hostName.test(lower)) return 'loopback'
  return localName.test(lower) ? 'private' : 'public'
}

/** What ranking, filtering and limits need to know of an address. Names count as public, unless they say otherwise. */
export function kindOf(address: Multiaddr): AddressKind {
  let scope: AddressScope = 'public'
  let family: 4 | 6 | undefined
  let transport: AddressKind['transport'] = 'other'
  let relayed = false
  for (const { name, value } of address.getComponents()) {
    if (relayed) continue
    switch (name) {
      case 'ip4':
      case 'ip6':
        family = name === 'ip4' ? 4 : 6
        scope = scopeOf(ipOf(address) as Ip)
        break
      case 'dns':
      case 'dns4':
      case 'dns6':
      case 'dnsaddr':
        scope = scopeOfName(value ?? '')
        if (name === 'dns4') family = 4
        if (name === 'dns6') family = 6
        break
      case 'memory':
      case 'unix':
        scope = 'loopback'
        break
      case 'tcp':
        transport = 'tcp'
        break
      case 'ws':
      case 'wss':
        transport = 'ws'
        break
      case 'quic':
      case 'quic-v1':
        transport = 'quic'
        break
      case 'webtransport':
        transport = 'webtransport'
        break
      case 'webrtc':
      case 'webrtc-direct':
        transport = 'webrtc'
        break
      case 'p2p-circuit':
        relayed = true
        break
      default:
    }
  }
  return { scope, ip: family, transport, relayed }
}
