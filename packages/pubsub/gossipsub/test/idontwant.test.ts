import { expect, test } from 'vitest'
import { message, Net, Rogue } from './net.ts'

const meshed = (options = {}) => {
  const net = new Net(options)
  const node = net.node('node')
  node.router.subscribe('t')
  const peer = (name: string, protocol = '/meshsub/1.2.0'): Rogue => {
    const rogue = new Rogue(node, name, { protocol }).subscribe('t')
    rogue.graft('t')
    rogue.got()
    return rogue
  }
  return { net, node, peer }
}
const told = (rogue: Rogue): string[] => rogue.got().flatMap(({ control }) => (control?.idontwant ?? []).flat())
const unwanted = (...ids: string[]) => ({ control: { idontwant: [ids] } })

test('a large message is announced to the mesh before it is judged, to those that understand it', () => {
  const { node, peer } = meshed()
  const [sender, second, old] = [peer('sender'), peer('second'), peer('old', '/meshsub/1.1.0')]
  node.holds = true
  sender?.send({ publish: [message('large', 't', { bytes: 1024 }), message('small', 't', { bytes: 1023 })] })
  node.held.shift()?.done('accept')
  expect(told(second as Rogue)).toEqual(['large'])
  expect(told(sender as Rogue)).toEqual([])
  expect(told(old as Rogue)).toEqual([])
  node.held.shift()?.done('accept')
  expect(told(second as Rogue)).toEqual([])
})

test('a message that is judged at once announces itself, unless it takes long to leave', () => {
  const { node, peer } = meshed()
  const [sender, second] = [peer('sender'), peer('second')]
  sender?.send({ publish: [message('soon', 't', { bytes: 16_383 }), message('late', 't', { bytes: 16_384 })] })
  expect(node.delivered).toEqual(['soon', 'late'])
  expect(told(second as Rogue)).toEqual(['late'])
})

test('what a peer does not want is not pushed, for three heartbeats', () => {
  const { net, node, peer } = meshed({ floodPublish: false })
  const rogue = peer('peer')
  rogue.send(unwanted('m', 'later'))
  node.publish('t', 'm')
  expect(rogue.messages()).toEqual([])
  for (let tick = 0; tick < 3; tick++) {
    net.now += 1000
    node.router.heartbeat()
  }
  node.publish('t', 'later')
  expect(rogue.messages()).toEqual(['later'])
  expect(node.router.inspect().peers[0]?.unwanted).toBe(0)
})

test('what a peer does not want any more leaves no queue', () => {
  const { node, peer } = meshed()
  const [sender, slow] = [peer('sender'), peer('slow')]
  sender?.send({ publish: [message('m'), message('n')] })
  expect(slow?.peer.queue.length).toBe(2)
  slow?.send(unwanted('m'))
  expect(slow?.messages()).toEqual(['n'])
  expect(node.delivered).toEqual(['m', 'n'])
})

test('whoever asks for a message wants it after all', () => {
  const { node, peer } = meshed()
  const rogue = peer('peer')
  rogue.send(unwanted('m'))
  node.publish('t', 'm')
  rogue.send({ control: { iwant: [['m']] } })
  expect(rogue.messages()).toEqual(['m'])
})

test('ten ids of an RPC count, a thousand RPCs of a heartbeat, and ten thousand ids in all', () => {
  const { net, node, peer } = meshed()
  const rogue = peer('peer')
  const sizes = (): number | undefined => node.router.inspect().peers[0]?.unwanted
  rogue.send(unwanted(...Array.from({ length: 5000 }, (_, at) => `a${at}`)))
  expect(sizes()).toBe(10)
  for (let rpc = 0; rpc < 2000; rpc++) rogue.send(unwanted(`b${rpc}`))
  expect(sizes()).toBe(10 + 999)
  for (let tick = 0; tick < 2; tick++) {
    net.now += 1000
    node.router.heartbeat()
    for (let rpc = 0; rpc < 1000; rpc++)
      rogue.send(unwanted(...Array.from({ length: 10 }, (_, at) => `${tick} ${rpc} ${at}`)))
  }
  expect(sizes()).toBe(10_000)
})

test('IDONTWANT does not pile up for a peer that does not read', () => {
  const { node, peer } = meshed()
  const [sender, silent] = [peer('sender'), peer('silent')]
  for (let at = 0; at < 10_000; at++) sender?.send({ publish: [message(`m${at}`, 't', { bytes: 20_000 })] })
  expect(node.drops).toEqual([])
  expect(told(silent as Rogue).length).toBeLessThanOrEqual(256)
})
