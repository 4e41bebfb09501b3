import { createNode } from '@peerloom/core'
import { until } from '@peerloom/conformance'
import { identify } from '@peerloom/identify'
import { memory } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { ping } from '@peerloom/ping'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test } from 'vitest'
import { memoryNetwork } from './nodes.ts'

const cycles = process.env['PEERLOOM_LONG'] === '1' ? 10_000 : 2000
/** Compiled code and caches still settle by a megabyte or two; a leak of a few hundred bytes a cycle shows in the long run. */
const maxGrowth = 3_000_000
const network = memoryNetwork()

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

const start = (listen: readonly string[]) =>
  createNode({
    addresses: { listen },
    transports: [tcp(), memory({ network })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping() },
    peerStore: { maxPeers: 50 },
    autoDialBelow: 0
  })
type LeakNode = Awaited<ReturnType<typeof start>>

/** Everything that is kept under the name of a remote, and nobody would miss. */
async function nothingIsKept(node: LeakNode): Promise<void> {
  await until('nothing is kept', () => {
    const { counts, limits, connections } = node.inspect()
    const used = [...Object.values(limits.system), ...Object.values(limits.transient)]
    const { pendingDials, reconnecting, inboundStreams } = counts
    return connections.length + pendingDials + reconnecting + inboundStreams === 0 && used.every((one) => one === 0)
  })
}

async function heapBytes(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

/** Heap growth over many cycles, after some that fill caches and compile code. */
async function growth(cycle: () => Promise<void>, count = cycles): Promise<number> {
  for (let at = 0; at < 300; at++) await cycle()
  const before = await heapBytes()
  for (let at = 0; at < count; at++) await cycle()
  return (await heapBytes()) - before
}

test.each(['/ip4/127.0.0.1/tcp/0', '/memory/0'])(
  'connecting and disconnecting over %s again and again leaves nothing',
  async (listen) => {
    const hub = await start([listen])
    const near = await start([])
    onTestFinished(async () => {
      await Promise.all([hub.stop(), near.stop()])
    })
    const target = hub.multiaddrs()
    const grown = await growth(async () => {
      const connection = await near.dial(target)
      await near.services.ping.ping(connection)
      await near.hangUp(hub.peerId)
    })
    await nothingIsKept(hub)
    await nothingIsKept(near)
    expect(grown).toBeLessThan(maxGrowth)
  },
  cycles * 100
)

test(
  'ever new peers leave nothing but what the address book is allowed',
  async () => {
    const hub = await start(['/memory/hub'])
    onTestFinished(() => hub.stop())
    const grown = await growth(async () => {
      const near = await start([])
      const connection = await near.dial('/memory/hub')
      await near.services.identify.identify(connection)
      await near.stop()
    }, cycles / 2)
    await nothingIsKept(hub)
    expect(hub.peers.size).toBeLessThanOrEqual(50)
    expect(grown).toBeLessThan(maxGrowth)
  },
  cycles * 100
)

test(
  'connections that are torn, streams that are reset and dials that fail leave nothing',
  async () => {
    const hub = await start(['/memory/torn'])
    const near = await start([])
    onTestFinished(async () => {
      await Promise.all([hub.stop(), near.stop()])
    })
    await hub.handle('/reset', (stream) => stream.abort(new Error('no')))
    const grown = await growth(async () => {
      const connection = await near.dial('/memory/torn')
      const stream = await connection.openStream('/reset')
      const unknown = await connection.openStream('/unknown')
      stream.send(new Uint8Array(1000))
      unknown.send(new Uint8Array(1000))
      connection.abort(new Error('torn'))
      await near.dial('/memory/nobody').catch(() => {})
    })
    await nothingIsKept(hub)
    await nothingIsKept(near)
    expect(grown).toBeLessThan(maxGrowth)
  },
  cycles * 100
)
