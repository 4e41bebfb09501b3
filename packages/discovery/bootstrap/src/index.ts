import { defineModule, type Module, type PeerDiscovery, peerDiscoveryCapability } from '@peerloom/interface'
import { Bootstrap } from './bootstrap.ts'
import { type BootstrapOptions, checkedOptions } from './options.ts'
import { parseList } from './target.ts'

/**
 * Peers to begin with: announces those of a list, and dials them, and the good ones of last time, while the node has
 * fewer connections than it should. Throws ERR_INVALID_ARGUMENT for an entry that is no address.
 *
 * ```ts
 * const list = ['/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN']
 * const node = await createNode({ peerDiscovery: [bootstrap({ list })] })
 * ```
 */
export function bootstrap(options: BootstrapOptions): Module<PeerDiscovery> {
  const checked = checkedOptions(options)
  const entries = parseList(options.list)
  return defineModule({
    name: '@peerloom/bootstrap',
    options,
    provides: [peerDiscoveryCapability],
    create: (node) => new Bootstrap(node, entries, checked)
  })
}

export type { BootstrapOptions } from './options.ts'
