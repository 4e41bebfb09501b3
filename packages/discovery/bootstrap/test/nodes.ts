import { bootstrap, type BootstrapOptions } from '@peerloom/bootstrap'
import { createNode, type NodeOptions } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import type { DialTarget, PeerInfo } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { yamux } from '@peerloom/yamux'
import { onTestFinished } from 'vitest'

/** Nodes that reach each other, and what the one under test does. */
export class World {
  readonly #network = new MemoryNetwork()

  /** A node that others may begin with. */
  peer(options: NodeOptions = {}): ReturnType<typeof createNode> {
    return this.#start({ addresses: { listen: ['/memory/0'] }, ...options })
  }

  /** A node with the module under test; it is not started. */
  async node(options: BootstrapOptions, rest: NodeOptions = {}) {
    const node = await this.#start({ ...rest, start: false, peerDiscovery: [bootstrap(options)] })
    const found: PeerInfo[] = []
    node.events.on('peer:discovery', (peer) => found.push(peer))
    return { node, found, dialled: countDials(node) }
  }

  async #start(options: NodeOptions) {
    const node = await createNode({
      transports: [memory({ network: this.#network })],
      connectionEncryption: [noise()],
      streamMuxers: [yamux({ keepAliveMs: 0 })],
      services: { identify: identify() },
      ...options
    })
    onTestFinished(() => node.stop())
    return node
  }
}

/** What is dialled from now on, in order. */
function countDials(node: Awaited<ReturnType<typeof createNode>>): string[] {
  const dialled: string[] = []
  const dial = node.connections.dial.bind(node.connections)
  node.connections.dial = (target: DialTarget, options) => {
    dialled.push(String(target))
    return dial(target, options)
  }
  return dialled
}
