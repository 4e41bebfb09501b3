// Some of the nodes of the plan, as real ones over TCP, in a process of their own. Talks with its parent by IPC.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createNode } from '@peerloom/core'
import { gossipsub } from '@peerloom/gossipsub'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { plan } from './plan.ts'

/** What the parent says. */
export type Order =
  | { readonly kind: 'start'; readonly nodes: readonly number[] }
  | { readonly kind: 'dial'; readonly from: number; readonly address: string }
  | { readonly kind: 'publish'; readonly from: number; readonly message: number }
  | { readonly kind: 'stop' }

/** What it answers: once for each order, and for every message that arrives. */
export type Answer =
  | { readonly kind: 'done'; readonly addresses?: readonly (readonly [node: number, address: string])[] }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'delivered'; readonly message: number; readonly latencyMs: number }

const makeNode = () =>
  createNode({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    // Peers of one address count as one attacker: here they are all there are.
    services: { identify: identify(), pubsub: gossipsub() }
  })

const nodes = new Map<number, Awaited<ReturnType<typeof makeNode>>>()
const say = (answer: Answer): void => void process.send?.(answer)
/** One clock for all processes of the machine. */
const nowMs = (): number => performance.timeOrigin + performance.now()

/** Timers know whole milliseconds: what is due in less than half of one is due. */
const timerMs = 0.5

/** Bytes go on a latency later, in order. */
function delay(from: Socket, to: Socket): void {
  const waiting: { readonly at: number; readonly bytes: Buffer | undefined }[] = []
  const leave = (): void => {
    const now = performance.now()
    while (waiting[0] !== undefined && waiting[0].at <= now + timerMs) {
      const bytes = waiting.shift()?.bytes
      if (bytes === undefined) to.end()
      else to.write(bytes)
    }
    if (waiting[0] !== undefined) setTimeout(leave, Math.round(waiting[0].at - now))
  }
  let last = 0
  const hold = (bytes: Buffer | undefined): void => {
    const jitter = 1 + plan.jitter * (2 * Math.random() - 1)
    last = Math.max(last, performance.now() + plan.latencyMs * jitter)
    waiting.push({ at: last, bytes })
    if (waiting.length === 1) setTimeout(leave, Math.round(last - performance.now()))
  }
  from
    .on('data', hold)
    .on('end', () => hold(undefined))
    .on('error', () => to.destroy())
}

/** A door to a port that is as far away as the plan says. */
async function distantPort(port: number): Promise<number> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    delay(near, far)
    delay(far, near)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function start(wanted: readonly number[]): Promise<(readonly [number, string])[]> {
  const addresses: (readonly [number, string])[] = []
  for (const at of wanted) {
    const node = await makeNode()
    node.services.pubsub.subscribe(plan.topic, ({ data, receivedFrom }) => {
      const view = new DataView(data.buffer, data.byteOffset)
      const latencyMs = nowMs() - view.getFloat64(0)
      if (receivedFrom !== undefined) say({ kind: 'delivered', message: view.getUint32(8), latencyMs })
    })
    nodes.set(at, node)
    const port = Number(
      node
        .multiaddrs()[0]
        ?.getComponents()
        .find(({ name }) => name === 'tcp')?.value
    )
    addresses.push([at, `/ip4/127.0.0.1/tcp/${await distantPort(port)}/p2p/${String(node.peerId)}`])
  }
  return addresses
}

async function obey(order: Order): Promise<Answer> {
  switch (order.kind) {
    case 'start':
      return { kind: 'done', addresses: await start(order.nodes) }
    case 'dial':
      await nodes.get(order.from)?.dial(order.address)
      return { kind: 'done' }
    case 'publish': {
      const data = new Uint8Array(plan.payloadBytes)
      const view = new DataView(data.buffer)
      view.setUint32(8, order.message)
      view.setFloat64(0, nowMs())
      await nodes.get(order.from)?.services.pubsub.publish(plan.topic, data)
      return { kind: 'done' }
    }
    case 'stop':
      await Promise.all([...nodes.values()].map((node) => node.stop()))
      return { kind: 'done' }
  }
}

process.on('message', (order: Order) => {
  void obey(order).then(
    (answer) => {
      say(answer)
      if (order.kind === 'stop') process.disconnect()
    },
    (error: unknown) => say({ kind: 'failed', reason: String(error) })
  )
})
process.on('disconnect', () => process.exit())
