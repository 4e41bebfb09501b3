import type { Multiaddr } from '@multiformats/multiaddr'

type AddressScope = 'loopback' | 'private' | 'public'

export interface AddressKind {
  readonly scope: AddressScope
  readonly ip: 4 | 6 | undefined
  readonly transport: 'tcp' | 'ws' | 'quic' | 'webtransport' | 'webrtc' | 'other'
  readonly relayed: boolean
}

/** Blocks of IPv4 that are not the public internet, as [first address, prefix length]. */
const privateBlocks: readonly (readonly [number, number])[] = [
  [0x0a000000, 8], // 10.0.0.0/8
  [0xac100000, 12], // 172.16.0.0/12
  [0xc0a80000, 16], // 192.168.0.0/16
  [0xa9fe0000, 16], // 169.254.0.0/16, link-local
  [0x64400000, 10] // 100.64.0.0/10, carrier-grade NAT
]

function scopeOf4(ip: string): AddressScope {
  const number = ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  if (number >>> 24 === 127) return 'loopback'
  return privateBlocks.some(([block, bits]) => number >>> (32 - bits) === block >>> (32 - bits)) ? 'private' : 'public'
}

function scopeOf6(ip: string): AddressScope {
  const lower = ip.toLowerCase()
  if (lower === '::1') return 'loopback'
  const first = Number.parseInt(lower.split(':')[0] || '0', 16)
  // fe80::/10 is link-local, fc00::/7 unique local.
  return (first & 0xffc0) === 0xfe80 || (first & 0xfe00) === 0xfc00 ? 'private' : 'public'
}

/** What ranking and filtering need to know of an address. Names count as public. */
export function kindOf(address: Multiaddr): AddressKind {
  let scope: AddressScope = 'public'
  let ip: 4 | 6 | undefined
  let transport: AddressKind['transport'] = 'other'
  let relayed = false
  for (const { name, value } of address.getComponents()) {
    if (relayed) continue
    switch (name) {
      case 'ip4':
        ip = 4
        scope = scopeOf4(value ?? '')
        break
      case 'ip6':
        ip = 6
        scope = scopeOf6(value ?? '')
        break
      case 'dns4':
        ip = 4
        break
      case 'dns6':
        ip = 6
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
  return { scope, ip, transport, relayed }
}

/** The peer an address ends at: the last `/p2p/…`, unless a relay's circuit follows it. */
export function peerOf(address: Multiaddr): string | undefined {
  const last = address.getComponents().at(-1)
  return last?.name === 'p2p' ? last.value : undefined
}

/** The IP an address starts with, an IPv6 one by its /64, which is what one subscriber gets; undefined without any. */
export function subscriberOf(address: Multiaddr): string | undefined {
  const part = address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')
  if (part?.value === undefined || part.name === 'ip4') return part?.value
  const [head = '', tail] = part.value.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  // What `::` stands for is zeros, as many as are missing to eight groups.
  const zeros = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter((group) => group !== '').length
  const all = [...groups, ...Array<string>(Math.max(0, zeros)).fill('0'), ...(tail?.split(':') ?? [])]
  return all.slice(0, 4).join(':')
}
