import type { Multiaddr } from '@multiformats/multiaddr'

/** 0: only on this host, 1: only in this network, 2: anywhere. */
type Reach = 0 | 1 | 2

const privateBlocks = /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/

function reachOf4(ip: string): Reach {
  if (/^(127|0)\./.test(ip)) return 0
  return privateBlocks.test(ip) ? 1 : 2
}

function reachOf6(ip: string): Reach {
  if (ip === '::1' || ip === '::') return 0
  const mapped = /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([\da-f]{1,4}):([\da-f]{1,4}))$/.exec(ip)
  if (mapped !== null) {
    const [, dotted, high = '', low = ''] = mapped
    const [one, two] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
    return reachOf4(dotted ?? [one >> 8, one & 255, two >> 8, two & 255].join('.'))
  }
  return /^(fe[89ab][\da-f]|f[cd][\da-f]{2}):/.test(ip) ? 1 : 2
}

function reachOfName(name: string): Reach {
  if (/(^|\.)localhost\.?$/.test(name)) return 0
  return /\.(local|internal|lan|home\.arpa)\.?$/.test(name) ? 1 : 2
}

/** By the first part that says where: of a relayed address, that is where the relay is. */
function reach(address: Multiaddr): Reach {
  for (const { name, value = '' } of address.getComponents()) {
    switch (name) {
      case 'ip4':
        return reachOf4(value)
      case 'ip6':
        return reachOf6(value.toLowerCase())
      case 'dns':
      case 'dns4':
      case 'dns6':
      case 'dnsaddr':
        return reachOfName(value.toLowerCase())
      case 'unix':
      case 'memory':
        return 0
    }
  }
  return 2
}

/**
 * The addresses that a peer may know of itself as far as we can tell: none that reach less far than the link it is seen
 * on. A peer from the internet has no business with our private network.
 */
export function believable(addresses: readonly Multiaddr[], seenAt: Multiaddr): Multiaddr[] {
  const least = reach(seenAt)
  return addresses.filter((address) => reach(address) >= least)
}
