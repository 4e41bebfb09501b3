import { NodeEvents, Random } from '@peerloom/simnet'
import { expect, test } from 'vitest'

type Happened = [timeUs: number, kind: number, node: number, from: number, ref: number]

function listener(events: NodeEvents): { happened: Happened[]; handle: (...event: number[]) => void } {
  const happened: Happened[] = []
  const handle = (...event: number[]): void => void happened.push([events.now, ...event] as Happened)
  return { happened, handle }
}

test('what is due to a node in a window happens in one go, in order of time', () => {
  const events = new NodeEvents(3, 100)
  const { happened, handle } = listener(events)
  events.push(10, 1, 2, 0, 0)
  events.push(20, 1, 0, 0, 1)
  events.push(30, 1, 2, 0, 2)
  events.push(110, 1, 2, 0, 3)
  events.push(30, 1, 2, 0, 4)
  events.run(200, handle)
  expect(happened.map(([timeUs, , node, , ref]) => [timeUs, node, ref])).toEqual([
    [10, 2, 0],
    [30, 2, 2],
    [30, 2, 4],
    [20, 0, 1],
    [110, 2, 3]
  ])
  expect(events.now).toBe(200)
  expect(events.length).toBe(0)
})

test('a script finds everything done that was due before it, and nothing that is due then', () => {
  const events = new NodeEvents(2, 100)
  const { happened, handle } = listener(events)
  events.push(10, 1, 0, 0, 0)
  events.push(49, 1, 1, 0, 1)
  events.push(50, 1, 0, 0, 2)
  events.push(60, 1, 1, 0, 3)
  events.script(50, 9, 0, 0, 4)
  events.run(55, handle)
  expect(happened.map(([timeUs, , , , ref]) => [timeUs, ref])).toEqual([
    [10, 0],
    [49, 1],
    [50, 4],
    [50, 2]
  ])
  events.run(60, handle)
  expect(happened.at(-1)).toEqual([60, 1, 1, 0, 3])
})

test('a script that is due inside of a window waits for its end', () => {
  const events = new NodeEvents(2, 100)
  const seen: number[][] = []
  events.push(10, 1, 0, 0, 0)
  events.push(90, 2, 1, 0, 0)
  events.run(1000, (kind) => {
    seen.push([events.now, kind])
    if (kind === 1) events.script(20, 9, 0, 0, 0)
  })
  expect(seen).toEqual([
    [10, 1],
    [90, 2],
    [110, 9]
  ])
})

/** Nodes that make events of their own at any time, and of others no sooner than in 1,000 us. What each of them saw. */
function story(windowUs: number): string[] {
  const nodes = 20
  const events = new NodeEvents(nodes, windowUs)
  // Each has its own numbers: what one draws does not depend on when another does.
  const random = Array.from({ length: nodes }, (_, node) => new Random(node))
  const saw = Array.from({ length: nodes }, () => [] as Happened[])
  for (let node = 0; node < nodes; node++) events.push(node, 1, node, node, 30)
  events.run(1_000_000, (kind, node, from, ref) => {
    saw[node]?.push([events.now, kind, node, from, ref])
    if (ref === 0) return
    // Times that no two events of a node have, or their order would be that of arrival.
    const own = random[node] as Random
    const offset = own.below(500) * nodes * nodes
    events.push(events.now + 1 + own.below(300), 2, node, node, ref - 3)
    events.push(events.now + 1000 + offset + own.below(4000), 3, own.below(nodes), node, 0)
  })
  return saw.map((each) => each.map(String).toSorted().join('\n'))
}

test('to a node it is the same how long the windows are', () => {
  const one = story(1)
  expect(one.join('\n').split('\n').length).toBeGreaterThan(200)
  expect(story(1000)).toEqual(one)
  expect(story(300)).toEqual(one)
  // Longer than it takes them to hear of each other: then it does matter.
  expect(story(20_000)).not.toEqual(one)
})
