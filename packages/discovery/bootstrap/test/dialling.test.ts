import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { ManualClock, settle, until } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { World } from './nodes.ts'

const nobody = async (count: number): Promise<string[]> => {
  const keys = await Promise.all(Array.from({ length: count }, () => generateKey()))
  return keys.map((key, at) => `/memory/${1000 + at}/p2p/${peerIdFromPrivateKey(key)}`)
}
/** Jitter in the middle of its range, so that pauses are what the options say. */
const random = (length: number): Uint8Array => new Uint8Array(length).fill(0x80)

test('the pauses between tries double up to the longest', async () => {
  const clock = new ManualClock()
  const begin = clock.now()
  const list = await nobody(1)
  const { node, dialled } = await new World().node(
    { list, firstDelayMs: 1000, maxDelayMs: 10_000 },
    { clock, random: (length) => (length === 4 ? random(4) : crypto.getRandomValues(new Uint8Array(length))) }
  )
  await node.start()
  const seconds: number[] = []
  for (let count = 0; clock.now() < begin + 60_000; await clock.advance(100)) {
    if (dialled.length === count) continue
    count = dialled.length
    seconds.push(Math.floor((clock.now() - begin) / 1000))
  }
  expect(seconds).toEqual([0, 1, 3, 7, 15, 25, 35, 45, 55])
})

test('the pauses differ from one node to the next', async () => {
  const list = await nobody(1)
  const pauses = new Set<number>()
  for (let round = 0; round < 8; round++) {
    const clock = new ManualClock()
    const begin = clock.now()
    const { node, dialled } = await new World().node({ list, firstDelayMs: 10_000 }, { clock })
    await node.start()
    while (dialled.length < 2 && clock.now() < begin + 60_000) await clock.advance(100)
    const pause = clock.now() - begin
    expect(pause).toBeGreaterThanOrEqual(5000)
    expect(pause).toBeLessThanOrEqual(15_100)
    pauses.add(pause)
  }
  expect(pauses.size).toBeGreaterThan(1)
})

test('dialling stops at enough connections, and begins again when there are fewer', async () => {
  const world = new World()
  const clock = new ManualClock()
  const peers = await Promise.all([world.peer(), world.peer(), world.peer(), world.peer()])
  const list = peers.flatMap((peer) => peer.multiaddrs())
  const { node, dialled } = await world.node({ list, minConnections: 2 }, { clock })
  await node.start()
  await until('two connections', () => node.connections.list().length === 2)
  await clock.advance(3_600_000)
  expect(dialled).toHaveLength(2)
  expect(node.connections.list()).toHaveLength(2)

  for (const { remotePeer } of node.connections.list().slice(0, 1)) await node.hangUp(remotePeer)
  await until('two connections again', () => node.connections.list().length === 2)
  await settle()
  expect(dialled).toHaveLength(3)
})

test('a peer that hangs up at once is not dialled in a loop', async () => {
  const world = new World()
  const clock = new ManualClock()
  const peer = await world.peer()
  peer.events.on('connection:open', (connection) => connection.abort(new Error('not you')))
  const { node, dialled } = await world.node({ list: peer.multiaddrs(), firstDelayMs: 10_000 }, { clock })
  await node.start()
  for (let second = 0; second < 4; second++) await clock.advance(1000)
  expect(dialled).toHaveLength(1)
  for (let second = 0; second < 3600; second += 10) await clock.advance(10_000)
  // Five minutes apart on average, and at least half of that once the pauses have grown.
  expect(dialled.length).toBeGreaterThan(8)
  expect(dialled.length).toBeLessThan(40)
})

test('no more dials are under way at once than asked for, nor more than are lacking', async () => {
  const list = await nobody(20)
  for (const [options, expected] of [
    [{ minConnections: 10, parallelDials: 3 }, 3],
    [{ minConnections: 2, parallelDials: 8 }, 2]
  ] as const) {
    const { node } = await new World().node({ list, ...options })
    let [underWay, most] = [0, 0]
    node.connections.dial = (): Promise<never> => {
      most = Math.max(most, ++underWay)
      return new Promise((_, reject) =>
        setTimeout(() => {
          underWay--
          reject(new Error('nobody there'))
        }, 1)
      )
    }
    await node.start()
    await until('all were tried', () => underWay === 0)
    expect(most).toBe(expected)
  }
})

test('stop ends dials that are under way, and leaves no timer', async () => {
  const clock = new ManualClock()
  const list = await nobody(3)
  const { node, dialled } = await new World().node({ list }, { clock })
  let aborted = 0
  node.connections.dial = (_, options): Promise<never> =>
    new Promise((_resolve, reject) => {
      options?.signal?.addEventListener('abort', () => {
        aborted++
        reject(options.signal?.reason as Error)
      })
    })
  await node.start()
  await node.stop()
  expect(aborted).toBe(3)
  expect(clock.pending).toBe(0)
  await clock.advance(3_600_000)
  expect(dialled).toEqual([])

  // And a node that is started again begins anew.
  aborted = 0
  await node.start()
  await node.stop()
  expect(aborted).toBe(3)
})
