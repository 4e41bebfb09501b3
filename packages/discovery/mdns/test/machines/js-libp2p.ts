// A js-libp2p node with its own mDNS on a machine of the test network.
import { mdns } from '@libp2p/mdns'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { tell } from './tell.ts'

const { listen } = JSON.parse(process.argv[2] ?? '') as { readonly listen: string[] }
const node = await createLibp2p({
  start: false,
  addresses: { listen },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  peerDiscovery: [mdns({ interval: 1000 })]
})
node.addEventListener('peer:discovery', ({ detail }) => {
  tell('found', { id: detail.id.toString(), addresses: detail.multiaddrs.map(String) })
})
node.addEventListener('peer:connect', ({ detail }) => tell('connected', { id: detail.toString() }))
await node.start()
tell('ready', { id: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) })
process.stdin.on('end', () => void node.stop()).resume()
