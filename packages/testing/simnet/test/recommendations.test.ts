import { gossipsubRouter } from '@peerloom/gossipsub'
import { Network, RouterResident } from '@peerloom/simnet'
import { expect, test } from 'vitest'

test('nodes that are recommended to each other connect, as far as they can be dialled', () => {
  const nodes = 40
  const thresholds = { gossip: -10, publish: -50, graylist: -80, acceptExchange: 0, opportunisticGraft: 1 }
  const connectionsOf = (nat: boolean, peerExchange: boolean): number => {
    const network = new Network({ nodes, nat: (node) => (nat && node > 0 ? 'cone' : 'public') })
    for (let node = 0; node < nodes; node++) {
      const resident = new RouterResident(network, node, {
        makeRouter: (host) => gossipsubRouter(host, { peerExchange, score: { thresholds, colocationWeight: 0 } })
      })
      network.place(node, resident)
      resident.router.subscribe('t')
      // All know the first one only.
      if (node > 0) network.connect(node, 0)
    }
    network.run(30_000)
    return network.connections
  }
  expect(connectionsOf(false, false)).toBe(nodes - 1)
  expect(connectionsOf(true, true)).toBe(nodes - 1)
  expect(connectionsOf(false, true)).toBeGreaterThan(2 * nodes)
})
