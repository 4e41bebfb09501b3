// What a delivery costs in a mesh: node gossip.ts <driver> <bytes of a message> <messages>; one JSON line. Twenty nodes in one
// process over TCP, Noise and yamux, all subscribed to one topic, signed messages from each in turn.
import type { GossipNode, StartGossip } from './gossip-node.ts'

const nodesCount = 20
/** Each node dials the nodes so many places further in the ring: a degree of 8. */
const steps = [1, 3, 7, 9]
/** Messages under way at once. */
const window = 20
/** A message that has made no way for this long is lost to those who do not have it. */
const patienceMs = 5000
const deadlineMs = 150_000

const [, , driver = 'peerloom', bytesText = '1024', countText = '200'] = process.argv
const bytes = Number(bytesText)
const count = Number(countText)
const start: StartGossip = driver.startsWith('peerloom')
  ? (await import('./drivers/peerloom-gossip.ts')).startGossip
  : (await import('./drivers/js-libp2p-gossip.ts')).startGossip

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const deadline = performance.now() + deadlineMs
async function until(what: string, condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

let delivered = 0
let lost = 0
let lastDelivery = 0
let isDone: (() => void) | undefined
const received = new Map<number, number>()
/** The first four bytes of a message are its number. */
function onMessage(data: Uint8Array): void {
  const number = new DataView(data.buffer, data.byteOffset, 4).getUint32(0)
  delivered++
  lastDelivery = performance.now()
  if (!received.has(number)) {
    // It was given up too early.
    lost--
    return
  }
  const copies = (received.get(number) ?? 0) + 1
  if (copies < nodesCount - 1) received.set(number, copies)
  else {
    received.delete(number)
    isDone?.()
  }
}

const nodes: GossipNode[] = await Promise.all(Array.from({ length: nodesCount }, () => start(onMessage)))
for (const [at, node] of nodes.entries()) {
  for (const step of steps) await node.dial((nodes[(at + step) % nodesCount] as GossipNode).addresses)
}
await until('everybody has a mesh', () => nodes.every((node) => node.meshSize() >= 4))

let next = 0
async function publish(messages: number): Promise<void> {
  const last = next + messages
  while (next < last || received.size > 0) {
    while (next < last && received.size < window) {
      const data = new Uint8Array(bytes)
      new DataView(data.buffer).setUint32(0, next)
      received.set(next, 0)
      await (nodes[next % nodesCount] as GossipNode).publish(data)
      lastDelivery = performance.now()
      next++
    }
    if (received.size === 0) continue
    if (performance.now() > deadline) throw new Error('not in time')
    if (performance.now() - lastDelivery > patienceMs) {
      for (const copies of received.values()) lost += nodesCount - 1 - copies
      received.clear()
      continue
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    await new Promise<void>((resolve) => {
      isDone = resolve
      timer = setTimeout(resolve, 100)
    })
    clearTimeout(timer)
  }
}

await publish(Math.ceil(count / 5))
delivered = lost = 0
const startedCpu = cpuMs()
const started = performance.now()
await publish(count)
// Waiting for what is lost is no work.
const seconds = (lastDelivery - started) / 1000
const usedMs = cpuMs() - startedCpu
console.log(
  JSON.stringify({
    deliveredPerSecond: delivered / seconds,
    cpuMsPerDelivery: usedMs / delivered,
    lostPercent: (lost / (delivered + lost)) * 100
  })
)
for (const node of nodes) await node.stop()
process.exit(0)
