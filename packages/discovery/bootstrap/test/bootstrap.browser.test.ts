import { expect, test } from 'vitest'
import { World } from './nodes.ts'

test('a node in a browser connects to the peers of its list', async () => {
  const world = new World()
  const peer = await world.peer()
  const { node, found } = await world.node({ list: peer.multiaddrs() })
  const connected = new Promise((resolve) => node.events.once('peer:connect', resolve))
  await node.start()
  expect(`${await connected}`).toBe(peer.peerId.toString())
  expect(found.map(({ id }) => id.toString())).toEqual([peer.peerId.toString()])
})
