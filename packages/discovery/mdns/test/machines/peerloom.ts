// A Peerloom node on a machine of the test network. Tells in lines of JSON what it finds; ends with standard input.
import { bootstrap } from '@peerloom/bootstrap'
import { createNode } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { mdns, type MdnsOptions } from '@peerloom/mdns'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { tell } from './tell.ts'

interface Options {
  readonly listen: string[]
  readonly mdns?: MdnsOptions
  readonly list?: string[]
}

const options = JSON.parse(process.argv[2] ?? '') as Options
const node = await createNode({
  start: false,
  addresses: { listen: options.listen },
  transports: [tcp()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()],
  peerDiscovery: [mdns(options.mdns), bootstrap({ list: options.list ?? [] })],
  services: { identify: identify() }
})
node.events.on('peer:discovery', ({ id, addresses }) => {
  tell('found', { id: id.toString(), addresses: addresses.map(String) })
})
node.events.on('peer:connect', (peer) => tell('connected', { id: peer.toString() }))
await node.start()
tell('ready', { id: node.peerId.toString(), addresses: node.multiaddrs().map(String) })
process.stdin.on('end', () => void node.stop().then(() => tell('stopped', {}))).resume()
