import { generateKeyPair } from '@libp2p/crypto/keys'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { gossipTopic } from '../gossip-node.ts'
import type { Receiver } from '../replay.ts'

/** What the type of js-libp2p's service does not show. */
interface Inner {
  addPeer(peer: PeerId, direction: 'inbound' | 'outbound', address: Multiaddr): void
  decodeRpc(rpc: Uint8Array): unknown
  handleReceivedRpc(from: PeerId, rpc: unknown): Promise<void>
}

export async function startReceiver(peersCount: number): Promise<Receiver> {
  const node = await createLibp2p({
    addresses: { listen: [] },
    services: { identify: identify(), pubsub: gossipsub({ allowPublishToZeroTopicPeers: true }) }
  })
  const { pubsub } = node.services
  const inner = pubsub as unknown as Inner
  let delivered = 0
  pubsub.addEventListener('message', () => void delivered++)
  pubsub.subscribe(gossipTopic)
  const peers = await Promise.all(
    Array.from({ length: peersCount }, async () => {
      const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
      inner.addPeer(peer, 'outbound', multiaddr('/ip4/127.0.0.1/tcp/1'))
      await inner.handleReceivedRpc(peer, { subscriptions: [{ topic: gossipTopic, subscribe: true }], messages: [] })
      return peer
    })
  )
  return {
    receive: (at, rpc) => inner.handleReceivedRpc(peers[at] as PeerId, inner.decodeRpc(rpc)),
    delivered: () => delivered,
    stop: async () => node.stop()
  }
}
