import { expect, test } from 'vitest'
import { message, Net, Rogue, type TestOptions } from './net.ts'

const gated = (gater: TestOptions['gater'] = true) => {
  const net = new Net({ gater, score: false, directPeers: ['direct'] })
  const node = net.node('node')
  node.router.subscribe('t')
  let id = 0
  const send = (rogue: Rogue, verdict: 'accept' | 'reject' | 'ignore' | 'throttled', count = 1): number => {
    const before = node.delivered.length
    for (let at = 0; at < count; at++) rogue.send({ publish: [message(`m${id++}`, 't', { verdict })] })
    return node.delivered.length - before
  }
  const peer = (name: string, ip: string) => new Rogue(node, name, { ips: [ip] }).subscribe('t')
  return { net, node, peer, send }
}

test('while validation is short of room, sources of bad messages get little of it, and good ones all', () => {
  const { peer, send } = gated()
  const [good, bad, direct] = [peer('good', 'a'), peer('bad', 'b'), peer('direct', 'b')]
  send(good as Rogue, 'accept', 100)
  send(bad as Rogue, 'reject', 100)
  expect(send(bad as Rogue, 'accept', 100)).toBe(100)
  send(good as Rogue, 'throttled', 500)
  expect(send(good as Rogue, 'accept', 100)).toBe(100)
  expect(send(bad as Rogue, 'accept', 200)).toBeLessThan(80)
  expect(send(direct as Rogue, 'accept', 100)).toBe(100)
})

test('peers of one IP share what it is worth, and a new name does not help', () => {
  const { node, peer, send } = gated()
  const good = peer('good', 'a')
  const bad = peer('bad', 'b')
  send(good, 'accept', 100)
  send(bad, 'reject', 100)
  send(good, 'throttled', 200)
  node.router.removePeer(bad.peer)
  expect(send(peer('renamed', 'b'), 'accept', 200)).toBeLessThan(100)
})

test('control messages pass', () => {
  const { node, peer, send } = gated()
  const bad = peer('bad', 'b')
  send(bad, 'reject', 100)
  send(bad, 'throttled', 1000)
  bad.graft('t')
  expect(node.mesh('t')).toEqual(['bad'])
})

test('it is over a minute after room was last short', () => {
  const { net, peer, send } = gated()
  const bad = peer('bad', 'b')
  send(bad, 'reject', 100)
  send(bad, 'throttled', 1000)
  expect(send(bad, 'accept', 100)).toBeLessThan(100)
  net.now += 60_001
  expect(send(bad, 'accept', 100)).toBe(100)
})

test('sources are forgotten some hours after their last peer, and bounded before', () => {
  const { net, node, peer } = gated({ maxRetained: 10, retainMs: 3_600_000 })
  for (let at = 0; at < 100; at++) node.router.removePeer(peer(`peer ${at}`, `ip ${at}`).peer)
  expect(node.router.inspect().sizes.gaterEntries).toBe(10)
  net.now += 3_600_001
  node.router.heartbeat()
  expect(node.router.inspect().sizes.gaterEntries).toBe(0)
})
