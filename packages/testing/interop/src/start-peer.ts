import { startForeignPeer, type ForeignPeer, type ForeignPeerOptions } from './foreign-peer.ts'
import type { PeerName } from './matrix.ts'
import { startNpmPeer } from './npm-peer.ts'
import { startPeerloomPeer } from './peerloom-peer.ts'
import type { StackName } from './stacks.ts'

/** Undefined, after a line that says so, when a peer cannot be had on this machine. */
export async function startPeer(
  name: PeerName,
  options: ForeignPeerOptions & { readonly stack: StackName }
): Promise<ForeignPeer | undefined> {
  switch (name) {
    case 'peerloom':
      return startPeerloomPeer(options)
    case 'js':
      return startNpmPeer(options)
    case 'js frozen':
      return startNpmPeer({ ...options, frozen: true })
    case 'go':
    case 'rust':
      return startForeignPeer(name, options)
  }
}
