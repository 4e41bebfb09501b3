import { createNode } from '@peerloom/core'
import { gossipsub, gossipsubRouter } from '@peerloom/gossipsub'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { Network, NodeNetwork, type NodePlace, oneRegion, RouterResident } from '@peerloom/simnet'
import { yamux } from '@peerloom/yamux'
import { edges, Latencies, messages, plan, publisherOf, type TierResult } from './plan.ts'

const options = (seed: number) => ({
  nodes: plan.nodes,
  seed,
  regions: oneRegion(plan.latencyMs),
  jitter: plan.jitter
})

/** Routers alone, which exchange RPCs that nobody encodes. */
export function routerTier(seed: number): TierResult & { readonly hash: string } {
  const network = new Network(options(seed))
  const latencies = new Latencies()
  for (let node = 0; node < plan.nodes; node++) {
    const resident = new RouterResident(network, node, {
      makeRouter: (host) => gossipsubRouter(host),
      deliver: (message) => latencies.add(message.index, (network.nowUs - message.publishedUs) / 1000)
    })
    network.place(node, resident)
    resident.router.subscribe(plan.topic)
  }
  for (const [from, to] of edges(seed)) network.connect(from, to)
  network.run(plan.warmMs)
  for (let message = 0; message < messages; message++) {
    network.publish(publisherOf(message), plan.topic, plan.payloadBytes)
    network.run(plan.everyMs)
  }
  network.run(plan.coolMs)
  return { ...latencies.result(), hash: network.log.digest() }
}

const makeNode = (place: NodePlace) =>
  createNode({
    ...place,
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), pubsub: gossipsub() }
  })

/** Whole nodes: keys, Noise, yamux, multistream, identify, the bytes of every RPC and its signatures. */
export async function nodeTier(seed: number): Promise<TierResult & { readonly hash: string }> {
  using network = new NodeNetwork(options(seed))
  const { time } = network
  const latencies = new Latencies()
  const publishedUs: number[] = []
  const nodes: Awaited<ReturnType<typeof makeNode>>[] = []
  for (let at = 0; at < plan.nodes; at++) {
    const node = await time.until(makeNode(await network.place(at)))
    node.services.pubsub.subscribe(plan.topic, ({ data, receivedFrom }) => {
      const message = new DataView(data.buffer, data.byteOffset).getUint32(0)
      if (receivedFrom !== undefined) latencies.add(message, (time.nowUs - (publishedUs[message] as number)) / 1000)
    })
    nodes.push(node)
  }
  await time.until(Promise.all(edges(seed).map(([from, to]) => nodes[from]!.dial(network.address(to)))))
  await time.run(plan.warmMs)
  for (let message = 0; message < messages; message++) {
    const data = new Uint8Array(plan.payloadBytes)
    new DataView(data.buffer).setUint32(0, message)
    publishedUs.push(time.nowUs)
    await time.until(nodes[publisherOf(message)]!.services.pubsub.publish(plan.topic, data))
    await time.run(plan.everyMs)
  }
  await time.run(plan.coolMs)
  await time.until(Promise.all(nodes.map((node) => node.stop())))
  return { ...latencies.result(), hash: time.log.digest() }
}
