import type { Multiaddr } from '@multiformats/multiaddr'
import { ipOf } from './ip.ts'

/**
 * Who counts as one by where they are, for limits: an IPv4 address, or the /64 that one subscriber of IPv6 gets. Undefined
 * for this host itself, which is not kept out by numbers, and for links without an IP.
 */
export function subscriberOf(address: Multiaddr): string | undefined {
  const ip = ipOf(address)
  if (ip === undefined) return undefined
  if (ip.family === 6) {
    const { groups } = ip
    const isThisHost = groups[7] === 1 && groups.slice(0, 7).every((group) => group === 0)
    return isThisHost
      ? undefined
      : groups
          .slice(0, 4)
          .map((group) => group.toString(16))
          .join(':')
  }
  const { bits } = ip
  return bits >>> 24 === 127 ? undefined : [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.')
}
