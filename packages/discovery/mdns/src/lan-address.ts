import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { OwnAddress } from '@peerloom/interface'
import { BlockList, isIPv6 } from 'node:net'

/** A network that the machine is attached to. */
export interface Link {
  /** Of the interface. */
  readonly name: string
  /** What the system puts behind link-local addresses there: the name, or on Windows a number. */
  readonly zone: string
  /** Our addresses there. */
  readonly ips: readonly string[]
  /** Whether an IP address is of this network. */
  contains(ip: string): boolean
  /** Whether this is the machine itself. */
  readonly loopback: boolean
}

const privateRanges = new BlockList()
privateRanges.addSubnet('10.0.0.0', 8)
privateRanges.addSubnet('172.16.0.0', 12)
privateRanges.addSubnet('192.168.0.0', 16)
privateRanges.addSubnet('169.254.0.0', 16)
privateRanges.addSubnet('fc00::', 7, 'ipv6')
privateRanges.addSubnet('fe80::', 10, 'ipv6')

const linkLocal6 = new BlockList()
linkLocal6.addSubnet('fe80::', 10, 'ipv6')

const loopbackRanges = new BlockList()
loopbackRanges.addSubnet('127.0.0.0', 8)
loopbackRanges.addAddress('::1', 'ipv6')

export const isLinkLocal6 = (ip: string): boolean => inRanges(linkLocal6, ip)

export const inRanges = (ranges: BlockList, ip: string): boolean => ranges.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')

/** The IP that an address begins with, when it leads straight to a peer; undefined for relays, names and the rest. */
export function directIp(address: Multiaddr): string | undefined {
  const parts = address.getComponents()
  const first = parts[0]?.name === 'ip6zone' ? parts[1] : parts[0]
  if (first?.name !== 'ip4' && first?.name !== 'ip6') return undefined
  return parts.some(({ name }) => name === 'p2p-circuit') ? undefined : first.value
}

/**
 * The address as we can dial it, when it can be of a machine on that network. Others are not believed: a word on the local
 * network is no reason to dial the rest of the world.
 */
export function dialable(address: Multiaddr, link: Link): Multiaddr | undefined {
  const ip = directIp(address)
  if (ip === undefined || !isLanIp(ip, link)) return undefined
  if (!isLinkLocal6(ip)) return address
  // Only here is it known which network a link-local address is of.
  const text = address.toString()
  return multiaddr(`/ip6zone/${link.zone}${text.slice(text.indexOf('/ip6/'))}`)
}

/** Those of our addresses that lead to us on that network, the plainest first. */
export function announcedOn(link: Link, own: readonly OwnAddress[], everyLink: readonly Link[]): Multiaddr[] {
  const isOurs = ({ address, source }: OwnAddress): boolean => {
    const ip = directIp(address)
    // Without their zone, which is ours alone, link-local addresses lead nowhere.
    if (ip === undefined || isLinkLocal6(ip)) return false
    if (link.ips.includes(ip)) return true
    if (link.loopback) return source === 'listen'
    // What was announced by hand may be of a router or a container's host; those of our other networks are for others.
    return source === 'announced' && isLanIp(ip, link) && !everyLink.some(({ ips }) => ips.includes(ip))
  }
  return own
    .filter(isOurs)
    .map(({ address }) => address)
    .toSorted((a, b) => plainness(a) - plainness(b))
}

function isLanIp(ip: string, link: Link): boolean {
  if (inRanges(loopbackRanges, ip)) return link.loopback
  return link.contains(ip) || inRanges(privateRanges, ip)
}

/** TCP, which everybody has, then QUIC, then what runs over these. */
function plainness(address: Multiaddr): number {
  const names = address.getComponents().map(({ name }) => name)
  const last = names.filter((name) => name !== 'p2p').at(-1)
  return last === 'tcp' ? 0 : last === 'quic-v1' ? 1 : 2
}
