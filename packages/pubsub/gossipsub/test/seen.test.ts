import { expect, test } from 'vitest'
import { message, Net, Rogue } from './net.ts'

const known = (options = {}) => {
  const net = new Net(options)
  const node = net.node('node')
  node.router.subscribe('t')
  const rogue = new Rogue(node, 'peer').subscribe('t')
  const deliver = (id: string): number => {
    const before = node.delivered.length
    rogue.send({ publish: [message(id)] })
    return node.delivered.length - before
  }
  const beat = (seconds: number): void => {
    for (let tick = 0; tick < seconds; tick++) {
      net.now += 1000
      node.router.heartbeat()
    }
  }
  return { node, deliver, beat }
}

test('an id is known for two minutes, whenever it came, and no longer than three', () => {
  for (const offset of [0, 30, 59, 60, 90]) {
    const { node, deliver, beat } = known()
    beat(offset)
    expect(deliver('m')).toBe(1)
    beat(120)
    expect(deliver('m')).toBe(0)
    beat(61)
    expect(node.router.inspect().sizes.seen).toBe(0)
    expect(deliver('m')).toBe(1)
  }
})

test('over the bound, ids are known for less time, the newest always', () => {
  const { node, deliver } = known({ maxSeen: 300 })
  for (let at = 0; at < 1000; at++) {
    expect(deliver(`m${at}`)).toBe(1)
    expect(deliver(`m${at}`)).toBe(0)
    expect(deliver(`m${Math.max(0, at - 100)}`)).toBe(0)
  }
  expect(node.router.inspect().sizes.seen).toBeLessThanOrEqual(300)
})

test('ids are known with tens of thousands of them, too', () => {
  const { deliver } = known()
  for (let at = 0; at < 20_000; at++) expect(deliver(`m${at}`)).toBe(1)
  for (let at = 0; at < 20_000; at++) expect(deliver(`m${at}`)).toBe(0)
})

test('messages kept for who asks are bounded in bytes', () => {
  const { node, deliver } = known({ maxCachedBytes: 1000 })
  for (let at = 0; at < 100; at++) deliver(`m${at}`)
  expect(node.router.inspect().sizes).toMatchObject({ cached: 10, cachedBytes: 1000 })
  const asking = new Rogue(node, 'asking', { protocol: '/meshsub/1.1.0' }).subscribe('t')
  asking.got()
  node.router.heartbeat()
  const advertised = asking
    .got()
    .flatMap(({ control }) => control?.ihave ?? [])
    .flatMap(({ ids }) => ids)
  for (const id of advertised) expect(Number(id.slice(1))).toBeGreaterThanOrEqual(90)
})
