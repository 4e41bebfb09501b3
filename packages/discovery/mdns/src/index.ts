import { defineModule, type Module, type PeerDiscovery, peerDiscoveryCapability } from '@peerloom/interface'
import { Mdns } from './mdns.ts'
import { checkedOptions, type MdnsOptions } from './options.ts'

/**
 * Finds peers on the local network by multicast DNS, and is found. Node only.
 *
 * ```ts
 * const node = await createNode({ peerDiscovery: [mdns()] })
 * node.events.on('peer:discovery', ({ id, addresses }) => console.log(`${id} is at ${addresses}`))
 * ```
 */
export function mdns(options?: MdnsOptions): Module<PeerDiscovery> {
  const checked = checkedOptions(options ?? {})
  return defineModule({
    name: '@peerloom/mdns',
    options,
    provides: [peerDiscoveryCapability],
    create: (node) => new Mdns(node, checked)
  })
}

export type { MdnsOptions } from './options.ts'
