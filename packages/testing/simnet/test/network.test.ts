import {
  fullTopology,
  givenTopology,
  growingTopology,
  Network,
  type NetworkOptions,
  Random,
  randomTopology,
  type Resident,
  world
} from '@peerloom/simnet'
import { expect, test } from 'vitest'
import { floodNetwork } from './flood.ts'

const shaped: Partial<NetworkOptions> = {
  regions: world,
  uplinkMbps: (_node, random) => (random.float() < 0.2 ? 1024 : 50),
  downlinkMbps: () => 100,
  loss: 0.01
}

test('a flood reaches everybody, and takes as many copies as there are ways', () => {
  const edges = randomTopology(200, 5, new Random(1))
  const { network, recorder } = floodNetwork({ nodes: 200, jitter: 0 }, edges)
  network.run(1000)
  expect(network.connections).toBe(edges.length)
  for (let at = 0; at < 10; at++) network.publish(at, 't', 500)
  network.run(1000)
  expect(recorder.deliveries).toBe(10 * 199)
  // Every link carries every message once, or twice when both ends send before they receive.
  expect(recorder.copies).toBeGreaterThanOrEqual(10 * edges.length)
  expect(recorder.latency.quantile(0)).toBe(0)
  expect(recorder.latency.max).toBeLessThanOrEqual(4 * 25)
  expect(network.sent.byKind().messages.count).toBe(recorder.copies)
})

test('a seed gives the same events to the last one, another seed others', () => {
  const run = (seed: number): unknown[] => {
    const { network, recorder } = floodNetwork(
      { nodes: 100, seed, ...shaped },
      randomTopology(100, 4, new Random(seed))
    )
    network.run(2000)
    for (let at = 0; at < 20; at++) network.publish(at, 't', 3000)
    network.run(5000)
    return [network.log.digest(), network.log.events, recorder.latency.quantile(0.5), network.sent.byKind()]
  }
  const first = run(1)
  expect(run(1)).toEqual(first)
  expect(run(2)[0]).not.toBe(first[0])
})

test('nodes that come and go leave nothing behind', () => {
  const nodes = 60
  const random = new Random(4)
  const { network } = floodNetwork({ nodes, ...shaped }, randomTopology(nodes, 6, random))
  for (let round = 0; round < 300; round++) {
    network.run(20)
    network.publish(random.below(nodes), 't', 2000)
    const from = random.below(nodes)
    for (const link of [...network.links(from).values()]) if (random.float() < 0.5) network.disconnect(link)
    network.connect(from, random.below(nodes))
    network.connect(random.below(nodes), from)
  }
  expect(network.connections).toBeGreaterThan(0)
  for (let node = 0; node < nodes; node++) network.vacate(node)
  network.run(10_000)
  expect(network.connections).toBe(0)
  expect(network.pending).toEqual({ rpcs: 0, events: 0, links: 0, calls: 0 })
})

test('who moves into a node gets the heartbeats and timers of nobody else', () => {
  const network = new Network({ nodes: 1 })
  const heard: string[] = []
  const move = (name: string): void => {
    const nothing = (): void => {}
    const resident: Resident = {
      protocol: 'x',
      ips: [],
      beatMs: 1000,
      beat: () => heard.push(name),
      timer: () => heard.push(`${name}'s timer`),
      linked: nothing,
      unlinked: nothing,
      receive: nothing,
      publish: nothing
    }
    network.place(0, resident)
  }
  move('one')
  network.timer(0, 5000, 1)
  network.run(2000)
  network.vacate(0)
  move('two')
  network.run(5000)
  expect(heard).toEqual(['one', 'one', 'two', 'two', 'two', 'two', 'two'])
})

test('a split keeps messages on one side, and they go everywhere again when it is healed', () => {
  const { network, recorder } = floodNetwork({ nodes: 100 }, randomTopology(100, 5, new Random(2)))
  network.run(1000)
  const before = network.connections
  network.partition((node) => node % 2)
  network.run(1000)
  const during = network.publish(0, 't', 100)
  network.run(2000)
  expect(network.connect(0, 1)).toBe(false)
  expect(recorder.reached(during)).toBe(49)
  network.heal()
  network.run(2000)
  expect(network.connections).toBe(before)
  const after = network.publish(0, 't', 100)
  network.run(2000)
  expect(recorder.reached(after)).toBe(99)
})

test('what validation takes is time that a message waits at every node', () => {
  const chain = givenTopology(4, [
    [0, 1],
    [1, 2],
    [2, 3]
  ])
  const { network, recorder } = floodNetwork({ nodes: 4, jitter: 0, validationMs: 7 }, chain)
  network.run(1000)
  network.publish(0, 't', 10)
  network.run(1000)
  expect(recorder.latency.max).toBeCloseTo(3 * (25 + 7), 3)
  network.publish(0, 't', 10, false)
  network.run(1000)
  expect(recorder.deliveries).toBe(3)
})

test('topologies have the degrees that they promise', () => {
  const random = new Random(8)
  const degrees = (nodes: number, edges: readonly (readonly [number, number])[]): number[] => {
    const of = Array.from({ length: nodes }, () => 0)
    for (const [from, to] of edges) {
      of[from]!++
      of[to]!++
    }
    return of
  }
  const grown = degrees(500, growingTopology(500, 4, random))
  expect(Math.min(...grown)).toBe(4)
  expect(Math.max(...grown)).toBeGreaterThan(40)
  expect(Math.min(...degrees(500, randomTopology(500, 4, random)))).toBeGreaterThanOrEqual(4)
  expect(degrees(7, fullTopology(7))).toEqual(Array.from({ length: 7 }, () => 6))
  expect(randomTopology(3, 10, random).length).toBe(3)
  expect(() => givenTopology(3, [[0, 3]])).toThrow(/no edge/)
  expect(() =>
    givenTopology(3, [
      [0, 1],
      [1, 0]
    ])
  ).toThrow(/no edge/)
})
