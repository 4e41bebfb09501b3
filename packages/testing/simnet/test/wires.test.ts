import { type Link, Network, type NetworkOptions, oneRegion, type Resident, type SimMessage } from '@peerloom/simnet'
import { type Outbound, OutboundQueue, type Rpc } from '@peerloom/pubsub'
import { expect, test } from 'vitest'

/** Notes when what arrives. */
class Listener implements Resident {
  readonly protocol = 'x'
  readonly ips = []
  readonly beatMs = 0
  readonly links: Link[] = []
  readonly arrived: [atUs: number, bytes: number][] = []
  readonly #network: Network

  constructor(network: Network) {
    this.#network = network
  }

  linked(link: Link): void {
    link.queue = new OutboundQueue<SimMessage>()
    this.links.push(link)
  }

  receive(_link: Link, rpc: Rpc<SimMessage>): void {
    this.arrived.push([this.#network.nowUs, rpc.control?.graft?.[0]?.length ?? 0])
  }

  beat(): void {}
  unlinked(): void {}
  publish(): void {}
  timer(): void {}
}

/** Something of exactly so many bytes. */
const thing = (bytes: number): Outbound<SimMessage> => ({ rpc: { control: { graft: ['x'.repeat(bytes)] } }, bytes })

function star(nodes: number, options: Partial<NetworkOptions>): { network: Network; residents: Listener[] } {
  const network = new Network({ nodes, jitter: 0, frameBytes: 0, regions: oneRegion(10), ...options })
  const residents = Array.from({ length: nodes }, () => new Listener(network))
  residents.forEach((resident, node) => network.place(node, resident))
  for (let to = 1; to < nodes; to++) network.connect(0, to)
  network.run(1000)
  return { network, residents }
}

function send(network: Network, link: Link, bytes: number, priority: 'control' | 'gossip' = 'control'): void {
  link.queue?.push(thing(bytes), priority)
  network.wake(link)
}

test('an uplink takes one thing after the other, and latency comes on top', () => {
  const { network, residents } = star(2, { uplinkMbps: () => 8 })
  const [sender, receiver] = residents as [Listener, Listener]
  network.call(0, () => {
    for (const bytes of [1000, 2000, 500]) send(network, sender.links[0] as Link, bytes)
  })
  network.run(1000)
  // 8 Mbit/s is a byte a microsecond.
  expect(receiver.arrived).toEqual([
    [1_011_000, 1000],
    [1_013_000, 2000],
    [1_013_500, 500]
  ])
})

test('the links of a node take turns on its uplink', () => {
  const { network, residents } = star(3, { uplinkMbps: () => 8 })
  const [sender, one, two] = residents as [Listener, Listener, Listener]
  network.call(0, () => {
    for (let at = 0; at < 2; at++) for (const link of sender.links) send(network, link, 1000)
  })
  network.run(1000)
  expect(one.arrived.map(([at]) => at)).toEqual([1_011_000, 1_013_000])
  expect(two.arrived.map(([at]) => at)).toEqual([1_012_000, 1_014_000])
})

test('what is urgent overtakes what waits for the uplink, as late as it may come', () => {
  const { network, residents } = star(2, { uplinkMbps: () => 8 })
  const [sender, receiver] = residents as [Listener, Listener]
  const link = sender.links[0] as Link
  network.call(0, () => {
    for (let at = 0; at < 3; at++) send(network, link, 10_000, 'gossip')
  })
  network.call(5, () => send(network, link, 1))
  network.run(1000)
  expect(receiver.arrived.map(([, bytes]) => bytes)).toEqual([10_000, 1, 10_000, 10_000])
})

test('a downlink holds back what more than one sends, and adds nothing to what comes slower than it takes', () => {
  const network = new Network({
    nodes: 3,
    jitter: 0,
    frameBytes: 0,
    regions: oneRegion(10),
    uplinkMbps: () => 8,
    downlinkMbps: () => 8
  })
  const residents = Array.from({ length: 3 }, () => new Listener(network))
  residents.forEach((resident, node) => network.place(node, resident))
  network.connect(1, 0)
  network.connect(2, 0)
  network.run(1000)
  network.call(0, () => {
    send(network, (residents[1] as Listener).links[0] as Link, 1000)
    send(network, (residents[2] as Listener).links[0] as Link, 1000)
  })
  network.run(1000)
  expect((residents[0] as Listener).arrived.map(([at]) => at)).toEqual([1_011_000, 1_012_000])
})

test('a link is a stream: jitter and loss hold back, and nothing overtakes', () => {
  const { network, residents } = star(2, { jitter: 1, loss: 0.2, seed: 9 })
  const [sender, receiver] = residents as [Listener, Listener]
  network.call(0, () => {
    for (let bytes = 1; bytes <= 500; bytes++) send(network, sender.links[0] as Link, bytes)
  })
  network.run(10_000)
  expect(receiver.arrived.map(([, bytes]) => bytes)).toEqual(Array.from({ length: 500 }, (_, at) => at + 1))
  const last = receiver.arrived.at(-1) as [number, number]
  // With a fifth of all lost, one of 500 has been lost twice in a row or more.
  expect(last[0]).toBeGreaterThan(1_050_000)
})

test('who can dial whom depends on what they are behind', () => {
  const nat = (node: number) => (['public', 'cone', 'symmetric'] as const)[node] ?? 'cone'
  const dials = (holePunching: boolean): string[] => {
    const network = new Network({ nodes: 4, nat, holePunching })
    const pairs: string[] = []
    for (let from = 0; from < 4; from++) {
      for (let to = 0; to < 4; to++) if (from !== to && network.canDial(from, to)) pairs.push(`${from}${to}`)
    }
    return pairs
  }
  expect(dials(false)).toEqual(['10', '20', '30'])
  expect(dials(true)).toEqual(['10', '13', '20', '30', '31'])
})
