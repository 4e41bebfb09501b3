import type { Multiaddr } from '@multiformats/multiaddr'

/** 0: only on this host, 1: only in this network, 2: anywhere. */
function reach(address: Multiaddr): 0 | 1 | 2 {
  const first = address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')
  if (first?.value === undefined) return 2
  const ip = first.value.toLowerCase()
  if (first.name === 'ip6') return ip === '::1' ? 0 : /^(fe[89ab]|f[cd])/.test(ip) ? 1 : 2
  if (ip.startsWith('127.')) return 0
  return /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(ip)
    ? 1
    : 2
}

/**
 * The addresses that a peer may know of itself as far as we can tell: none that reach less far than the link it is seen
 * on. A peer from the internet has no business with our private network.
 */
export function believable(addresses: readonly Multiaddr[], seenAt: Multiaddr): Multiaddr[] {
  const least = reach(seenAt)
  return addresses.filter((address) => reach(address) >= least)
}
