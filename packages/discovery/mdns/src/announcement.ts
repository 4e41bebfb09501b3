import type { Multiaddr } from '@multiformats/multiaddr'
import type { AddressRecord, DnsRecord } from './dns-message.ts'
import { encodeMessage } from './encode.ts'
import { directIp } from './lan-address.ts'
import { metaService } from './service-name.ts'

/** Leaves room for IP, UDP and a tunnel in an Ethernet frame (RFC 6762 section 17). */
const maxPacketBytes = 1400
const maxStringBytes = 255
const maxHosts = 4

const utf8 = new TextEncoder()

export interface Announced {
  readonly service: string
  readonly peerName: string
  readonly ttlSeconds: number
  /** Best first, each ending in `/p2p/<id>`. */
  readonly addresses: readonly Multiaddr[]
}

/** The records of one peer (mDNS specification, response; RFC 6763 sections 4 to 6). */
interface Records {
  readonly pointer: DnsRecord
  /** SRV, A and AAAA: libp2p does not need them, but go-libp2p overlooks who has none, and browsers cannot show them. */
  readonly location: readonly DnsRecord[]
  /** One string for each address. */
  readonly strings: readonly Uint8Array[]
  text(strings: readonly Uint8Array[]): DnsRecord
}

/** Who we are, as an answer to the question for the service: one packet, or several. None without addresses. */
export function announcementPackets(announced: Announced): Uint8Array[] {
  const { pointer, location, strings, text } = recordsOf(announced)
  // All of a packet's addresses in one TXT: go-libp2p reads the last one only.
  return inPackets(strings, (some) =>
    encodeMessage({ response: true, answers: [pointer], additionals: [text(some), ...location] })
  )
}

/** The same, as an answer to questions for the peer's name or its host's. */
export function detailPackets(announced: Announced): Uint8Array[] {
  const { location, strings, text } = recordsOf(announced)
  return inPackets(strings, (some) => encodeMessage({ response: true, answers: [text(some), ...location] }))
}

/** We are leaving (RFC 6762 section 10.1). Without the addresses: js-libp2p would find us once more. */
export function goodbyePacket(announced: Announced): Uint8Array {
  const { pointer, location } = recordsOf({ ...announced, ttlSeconds: 0 })
  return encodeMessage({ response: true, answers: [pointer, ...location] })
}

/** The answer to the question for all services (RFC 6763 section 9). */
export function servicePacket({ service, ttlSeconds }: Announced): Uint8Array {
  return encodeMessage({
    response: true,
    answers: [{ type: 'PTR', name: metaService, ttlSeconds, target: service }]
  })
}

export const instanceName = ({ peerName, service }: Pick<Announced, 'peerName' | 'service'>): string =>
  `${peerName}.${service}`

export const hostName = (peerName: string): string => `${peerName}.p2p.local`

function recordsOf({ service, peerName, ttlSeconds, addresses }: Announced): Records {
  const name = instanceName({ service, peerName })
  const host = hostName(peerName)
  const ips = new Map<string, AddressRecord>()
  for (const address of addresses) {
    const ip = directIp(address)
    if (ip === undefined || ips.size >= maxHosts) continue
    const bytes = ipBytes(address)
    if (bytes !== undefined) ips.set(ip, { name: host, ttlSeconds, type: bytes.length === 4 ? 'A' : 'AAAA', ip: bytes })
  }
  return {
    pointer: { type: 'PTR', name: service, ttlSeconds, target: name },
    location: [{ type: 'SRV', name, ttlSeconds, port: portOf(addresses), target: host }, ...ips.values()],
    strings: addresses
      .map((address) => utf8.encode(`dnsaddr=${address}`))
      .filter((string) => string.length <= maxStringBytes),
    text: (strings) => ({ type: 'TXT', name, ttlSeconds, strings })
  }
}

/** As many strings in each packet as fit. */
function inPackets(strings: readonly Uint8Array[], encode: (some: readonly Uint8Array[]) => Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = []
  const room = maxPacketBytes - encode([]).length
  let some: Uint8Array[] = []
  let size = 0
  for (const string of strings) {
    if (some.length > 0 && size + string.length + 1 > room) {
      packets.push(encode(some))
      some = []
      size = 0
    }
    some.push(string)
    size += string.length + 1
  }
  if (some.length > 0) packets.push(encode(some))
  return packets
}

/** The bytes behind the code of the address's IP. */
function ipBytes(address: Multiaddr): Uint8Array | undefined {
  const [first] = address.getComponents()
  if (first?.name !== 'ip4' && first?.name !== 'ip6') return undefined
  return address.bytes.subarray(1, first.name === 'ip4' ? 5 : 17)
}

function portOf(addresses: readonly Multiaddr[]): number {
  for (const address of addresses) {
    const part = address.getComponents().find(({ name }) => name === 'tcp' || name === 'udp')
    if (part?.value !== undefined) return Number(part.value)
  }
  return 0
}
