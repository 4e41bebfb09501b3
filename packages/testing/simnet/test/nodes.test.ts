import { createNode, type Node } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { ping, type PingService } from '@peerloom/ping'
import { type NetworkOptions, NodeNetwork, oneRegion, Random, randomTopology, world } from '@peerloom/simnet'
import { yamux } from '@peerloom/yamux'
import { expect, test } from 'vitest'

type TestNode = Node<{ ping: PingService }>

async function makeNodes(network: NodeNetwork): Promise<TestNode[]> {
  const nodes: TestNode[] = []
  for (let at = 0; at < network.options.nodes; at++) {
    const options = {
      ...(await network.place(at)),
      connectionEncryption: [noise()],
      streamMuxers: [yamux()],
      services: { ping: ping(), identify: identify() }
    }
    nodes.push(await network.time.until(createNode(options)))
  }
  return nodes
}

async function stopAll(network: NodeNetwork, nodes: readonly TestNode[]): Promise<void> {
  await network.time.until(Promise.all(nodes.map((node) => node.stop())))
}

test('a first byte takes three round trips, and a ping one', async () => {
  using network = new NodeNetwork({ nodes: 2, jitter: 0, regions: oneRegion(100) })
  const nodes = await makeNodes(network)
  const [one] = nodes as [TestNode, TestNode]
  const started = network.time.nowUs
  const answered = network.time.until(
    one.dial(network.address(1)).then((connection) => one.services.ping.ping(connection))
  )
  const rttMs = await answered
  // SYN; Noise; the end of Noise with the stream's protocol and its first bytes. The ping is timed from its own first byte.
  expect(network.time.nowUs - started).toBe(3 * 200_000)
  expect(rttMs).toBeLessThanOrEqual(200)
  expect(await network.time.until(one.services.ping.ping(nodes[1]!.peerId))).toBe(200)
  await stopAll(network, nodes)
})

test('an uplink of 8 Mbit/s carries a mebibyte in a second and a bit', async () => {
  using network = new NodeNetwork({ nodes: 2, jitter: 0, frameBytes: 0, uplinkMbps: () => 8, regions: oneRegion(5) })
  const nodes = await makeNodes(network)
  const [one, two] = nodes as [TestNode, TestNode]
  let received = 0
  const done = new Promise<number>((resolve) => {
    void two.handle('/sink', async (stream) => {
      for await (const bytes of stream) received += bytes.length
      resolve(network.time.nowUs)
    })
  })
  const stream = await network.time.until(
    one.dial(network.address(1)).then((connection) => connection.openStream('/sink'))
  )
  const started = network.time.nowUs
  const sending = (async () => {
    for (let sent = 0; sent < 1024 * 1024; sent += 65_536) await stream.write(new Uint8Array(65_536))
    await stream.close()
  })()
  const took = (await network.time.until(done)) - started
  await network.time.until(sending)
  expect(received).toBe(1024 * 1024)
  // 1,048,576 bytes at one a microsecond, what Noise and yamux add, and 5 ms.
  expect(took).toBeGreaterThan(1_048_576)
  expect(took).toBeLessThan(1_048_576 * 1.03)
  await stopAll(network, nodes)
})

const run = async (seed: number): Promise<[digest: string, rtts: number[]]> => {
  const options: NetworkOptions = { nodes: 20, seed, regions: world, loss: 0.02, uplinkMbps: () => 50 }
  using network = new NodeNetwork(options)
  const nodes = await makeNodes(network)
  const edges = randomTopology(20, 3, new Random(seed))
  const rtts: number[] = []
  const dials = edges.map(async ([from, to]) => {
    const connection = await nodes[from]!.dial(network.address(to))
    rtts.push(await nodes[from]!.services.ping.ping(connection))
  })
  await network.time.until(Promise.all(dials))
  await network.time.run(10_000)
  await stopAll(network, nodes)
  expect(network.connections).toBe(0)
  return [network.time.log.digest(), rtts]
}

test('nodes under virtual time do the same in every run of a seed, to the last byte', async () => {
  const first = await run(5)
  expect(await run(5)).toEqual(first)
  expect((await run(6))[0]).not.toBe(first[0])
})

test('a lost connection is gone on both sides, and a split keeps nodes from dialling until it is healed', async () => {
  using network = new NodeNetwork({ nodes: 3 })
  const nodes = await makeNodes(network)
  const [one, two, three] = nodes as [TestNode, TestNode, TestNode]
  await network.time.until(Promise.all([one.dial(network.address(1)), one.dial(network.address(2))]))
  await network.time.run(1000)
  network.cut(0, 1)
  await network.time.run(1000)
  expect([one, two, three].map((node) => node.connections.list().length)).toEqual([1, 0, 1])
  network.partition((node) => node % 2)
  await expect(network.time.until(one.dial(network.address(1)))).rejects.toThrow(/cannot be reached/)
  expect(network.connections).toBe(1)
  network.heal()
  await network.time.run(60_000) // dial back-off
  await network.time.until(one.dial(network.address(1)))
  await stopAll(network, nodes)
})

test('a wait that nothing can end is an error, not a hang', async () => {
  using network = new NodeNetwork({ nodes: 1 })
  await expect(network.time.until(new Promise(() => {}))).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
})
