import type { Multiaddr } from '@multiformats/multiaddr'

/** An IP as numbers: one of 32 bits for IPv4, eight groups of 16 for IPv6. */
export type Ip =
  | { readonly family: 4; readonly bits: number }
  | { readonly family: 6; readonly groups: readonly number[] }

/** The IP that an address starts with, an IPv4 one also where it is written as an IPv6 one; undefined without any. */
export function ipOf(address: Multiaddr): Ip | undefined {
  const part = address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')
  if (part?.value === undefined) return undefined
  if (part.name === 'ip4') return { family: 4, bits: bitsOf(part.value) }
  const groups = groupsOf(part.value)
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  if (!isMapped) return { family: 6, groups }
  return { family: 4, bits: (((groups[6] as number) << 16) | (groups[7] as number)) >>> 0 }
}

const bitsOf = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)

function groupsOf(ip: string): number[] {
  const dotted = /^(.*:)([\d.]+)$/.exec(ip)
  if (dotted?.[2]?.includes('.') === true) {
    const bits = bitsOf(dotted[2])
    return groupsOf(`${dotted[1]}${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}`)
  }
  const [head = '', tail = ''] = ip.split('::')
  const split = (text: string): number[] =>
    text
      .split(':')
      .filter((group) => group !== '')
      .map((group) => Number.parseInt(group, 16))
  const [before, after] = [split(head), split(tail)]
  // What `::` stands for is zeros, as many as are missing to eight groups.
  const zeros = Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0)
  return [...before, ...zeros, ...after]
}
