import type { Multiaddr } from '@multiformats/multiaddr'

const reserved4 = /^(0|127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./
const reserved6 = /^(::1?$|fe[89ab][\da-f]:|f[cd][\da-f]{2}:)/
const localName = /(^|\.)(localhost|local|internal|lan|home\.arpa)\.?$/

/** The IP that an address starts with; an IPv4 one also where it is written as an IPv6 one. */
function ipOf(address: Multiaddr): { readonly ip: string; readonly family: 4 | 6 } | undefined {
  const part = address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')
  if (part?.value === undefined) return undefined
  if (part.name === 'ip4') return { ip: part.value, family: 4 }
  const groups = groupsOf(part.value.toLowerCase())
  if (groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff') {
    const [high, low] = groups.slice(6).map((group) => Number.parseInt(group, 16)) as [number, number]
    return { ip: [high >> 8, high & 255, low >> 8, low & 255].join('.'), family: 4 }
  }
  return { ip: part.value.toLowerCase(), family: 6 }
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(ip: string): string[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip)
  if (dotted !== null) {
    const [a, b, c, d] = dotted.slice(2).map(Number) as [number, number, number, number]
    return groupsOf(`${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`)
  }
  const [head = '', tail] = ip.split('::')
  const split = (text: string): string[] => text.split(':').filter((group) => group !== '')
  const [before, after] = [split(head), split(tail ?? '')]
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  return [...before, ...zeros, ...after].map((group) => group.replace(/^0+(?=.)/, ''))
}

/**
 * Who counts as one by where they are: an IPv4 address, or the /64 that one subscriber of IPv6 gets. Undefined for this
 * host itself, which is not kept out by numbers, and for links without an IP.
 */
export function subscriberOf(address: Multiaddr): string | undefined {
  const found = ipOf(address)
  if (found === undefined) return undefined
  if (found.family === 4) return found.ip.startsWith('127.') ? undefined : found.ip
  const groups = groupsOf(found.ip)
  return found.ip === '::1' ? undefined : groups.slice(0, 4).join(':')
}

/** Whether the whole internet can get there, as far as the address tells. Names count as public, unless they say otherwise. */
export function isPublic(address: Multiaddr): boolean {
  const found = ipOf(address)
  if (found !== undefined) return !(found.family === 4 ? reserved4 : reserved6).test(found.ip)
  const name = address.getComponents().find((part) => part.name.startsWith('dns'))
  return name?.value !== undefined && !localName.test(name.value.toLowerCase())
}
