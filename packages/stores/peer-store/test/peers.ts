import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { ManualClock } from '@peerloom/conformance'
import { generateKey, peerIdFromBytes, peerIdFromPrivateKey } from '@peerloom/identity'
import type { PeerId, PrivateKey } from '@peerloom/interface'
import { createPeerStore, type PeerStoreOptions } from '@peerloom/peer-store'
import type { Datastore } from 'interface-datastore'

export interface Peer {
  readonly id: PeerId
  readonly key: PrivateKey
}

export async function newPeer(): Promise<Peer> {
  const key = await generateKey()
  return { key, id: peerIdFromPrivateKey(key) }
}

/** A peer id that holds no key, made quickly. */
export function hashedPeer(number: number): PeerId {
  const multihash = new Uint8Array(34)
  multihash.set([0x12, 32])
  new DataView(multihash.buffer).setUint32(30, number)
  return peerIdFromBytes(multihash)
}

export const address = (port: number, ip = '1.2.3.4'): Multiaddr => multiaddr(`/ip4/${ip}/tcp/${port}`)

/** A store on a clock of its own. */
export async function storeWith(
  options: PeerStoreOptions & { readonly datastore?: Datastore; clock?: ManualClock } = {}
) {
  const clock = options.clock ?? new ManualClock()
  const self = await newPeer()
  return { clock, self, store: createPeerStore({ ...options, self: self.id, clock }) }
}
