import { expect, test } from 'vitest'
import { message, Net, Rogue } from './net.ts'

test('an IDONTWANT that crosses the message itself is not remembered, one that still has something to stop is', () => {
  const node = new Net({}).node('node')
  node.router.subscribe('t')
  const [sender, peer] = ['sender', 'peer'].map((name) => {
    const rogue = new Rogue(node, name, { protocol: '/meshsub/1.2.0' }).subscribe('t')
    rogue.graft('t')
    rogue.got()
    return rogue
  }) as [Rogue, Rogue]
  const remembered = (): number | undefined =>
    node.router.inspect().peers.find(({ id }) => id === peer.peer.id)?.unwanted
  sender.send({ publish: [message('m')] })
  expect(peer.messages()).toEqual(['m'])
  peer.send({ control: { idontwant: [['m']] } })
  expect(remembered()).toBe(0)
  // Not known yet, or waiting for the peer.
  peer.send({ control: { idontwant: [['n']] } })
  sender.send({ publish: [message('o'), message('n'), message('p')] })
  peer.send({ control: { idontwant: [['o']] } })
  expect(remembered()).toBe(2)
  expect(peer.messages()).toEqual(['p'])
})
