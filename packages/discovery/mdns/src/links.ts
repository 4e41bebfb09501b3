import { BlockList } from 'node:net'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { inRanges, isLinkLocal6, type Link } from './lan-address.ts'

/** Interfaces that are used at once: machines with containers have hundreds. */
const maxLinks = 16

/** A link with what its sockets need to know. */
export interface NodeLink extends Link {
  /** Changes when anything about it does. */
  readonly signature: string
  readonly ip4: string | undefined
  /** The link-local one, if there is one. */
  readonly ip6: string | undefined
}

/**
 * The networks that the machine is attached to; those named in `only`, else all but the machine itself. A link that is as
 * it was before is the same object.
 */
export function findLinks(before: readonly NodeLink[], only: readonly string[] | undefined): NodeLink[] {
  const links: NodeLink[] = []
  for (const [name, infos = []] of Object.entries(networkInterfaces())) {
    const loopback = infos.every(({ internal }) => internal)
    if (only === undefined ? loopback : !only.includes(name)) continue
    // One end of a cable to a container: there is nothing of ours to be found under.
    if (infos.every(({ address }) => isLinkLocal6(address))) continue
    const signature = `${name} ${infos.map(({ cidr, address }) => cidr ?? address).join(' ')}`
    links.push(before.find((link) => link.signature === signature) ?? toLink(name, infos, loopback, signature))
    if (links.length === maxLinks) break
  }
  return links
}

function toLink(name: string, infos: NetworkInterfaceInfo[], loopback: boolean, signature: string): NodeLink {
  const subnets = new BlockList()
  for (const { address, family, cidr } of infos) {
    const bits = Number(cidr?.split('/')[1] ?? (family === 'IPv4' ? 32 : 128))
    subnets.addSubnet(address, bits, family === 'IPv4' ? 'ipv4' : 'ipv6')
  }
  const sixes = infos.filter(({ family }) => family === 'IPv6')
  const scope = sixes.find((info) => info.family === 'IPv6' && info.scopeid !== 0)
  return {
    name,
    zone: process.platform === 'win32' && scope?.family === 'IPv6' ? String(scope.scopeid) : name,
    ips: infos.map(({ address }) => address),
    contains: (ip) => inRanges(subnets, ip),
    loopback,
    signature,
    ip4: infos.find(({ family }) => family === 'IPv4')?.address,
    ip6: (sixes.find(({ address }) => isLinkLocal6(address)) ?? sixes[0])?.address
  }
}
