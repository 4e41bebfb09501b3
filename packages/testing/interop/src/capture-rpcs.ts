// Freezes RPCs as other implementations write them, as vectors for @peerloom/pubsub: `node src/capture-rpcs.ts`. Every key is
// generated for the run and thrown away with its peer.
import { mkdirSync, writeFileSync } from 'node:fs'
import type { ForeignPeer } from './foreign-peer.ts'
import type { ForeignPubsubOptions, RpcKind } from './foreign-pubsub.ts'
import type { PeerName } from './matrix.ts'
import { startPeerloomPeer } from './peerloom-peer.ts'
import { RpcTally } from './rpc-tally.ts'
import { startPeer } from './start-peer.ts'
import { testBytes } from './test-bytes.ts'

const folder = new URL('../../../pubsub/pubsub/test/fixtures/', import.meta.url)
const topic = 'interop'
const group = testBytes(32)
const limitMs = 20_000
/** Far above what a heartbeat takes: nobody is grafted again. */
const farOffMs = 600_000
const common: ForeignPubsubOptions = { heartbeatMs: 300, idontwantBytes: 512, unsubscribeBackoffMs: farOffMs }

interface Captured {
  readonly source: string
  readonly protocol: string
  readonly signed: boolean
  /** Counts by kind, by a decoder that is not under test. */
  readonly counts: Readonly<Record<string, number>>
  readonly rpc: string
}

const captured: Captured[] = []
for (const name of ['js', 'go', 'rust'] as const) {
  for (const unsigned of [false, true]) await capture(name, unsigned)
}
mkdirSync(folder, { recursive: true })
const note =
  'What peers of others (js-libp2p with @libp2p/gossipsub 17.1.1, go-libp2p with go-libp2p-pubsub 0.19.0, rust-libp2p with ' +
  'libp2p-gossipsub 0.50.1) sent to one of ours, one RPC of each composition, without the length before it. Byte strings ' +
  'are base64.'
writeFileSync(new URL('foreign-rpcs.json', folder), `${JSON.stringify({ note, rpcs: captured }, null, 2)}\n`)
console.log(`wrote ${captured.length} RPCs`)

/** Has a peer write RPCs of every kind that it knows. */
async function capture(name: PeerName, unsigned: boolean): Promise<void> {
  const partial = name !== 'js'
  const options: ForeignPubsubOptions = { ...common, unsigned, messageId: unsigned ? 'data' : 'author', partial }
  const foreign = await startPeer(name, { stack: 'tcp', pubsub: { ...options, px: true, d: 2, dLow: 1, dHigh: 2 } })
  if (foreign === undefined) throw new Error(`without the ${name} peer the fixtures would be incomplete`)
  const source = foreign.implementation
  const keyOf = (counts: object, signed: boolean): string =>
    `${signed || !('publish' in counts)} ${Object.keys(counts).join()}`
  const seen = new Set(
    captured.filter((one) => one.source === source).map(({ counts, signed }) => keyOf(counts, signed))
  )
  const ours: ForeignPeer[] = []
  const join = async (): Promise<ForeignPeer> => {
    const onRpc = (rpc: Uint8Array, peer: string, direction: 'sent' | 'received', protocol: string): void => {
      if (peer !== foreign.peerId || direction !== 'received') return
      const counts = countsOf(rpc, protocol)
      const key = keyOf(counts, !unsigned)
      if (seen.has(key) || rpc.length > 4096) return
      seen.add(key)
      captured.push({ source, protocol, signed: !unsigned, counts, rpc: Buffer.from(rpc).toString('base64') })
    }
    const peer = await startPeerloomPeer({ pubsub: options, onRpc })
    ours.push(peer)
    await peer.dial(foreign.addresses[0] ?? '')
    await until('a connection', async () => (await foreign.connections(peer.peerId)).length > 0)
    await foreign.identify(peer.peerId) // which brings the record for peer exchange
    await peer.pubsub.subscribe(topic, partial && !unsigned ? { partial: 'supports' } : {})
    return peer
  }
  /** To any of ours: recommended to each other, they are connected. */
  const sends = (kind: RpcKind): Promise<void> =>
    until(`${name} to send ${kind}`, async () => {
      const traffic = await Promise.all(ours.map(({ pubsub }) => pubsub.traffic()))
      return traffic.some(({ peers }) => (peers[foreign.peerId]?.received[kind] ?? 0) > 0)
    })

  await foreign.pubsub.subscribe(topic)
  const first = await join()
  await sends('subscribe')
  await until('a mesh', async () => (await first.pubsub.mesh(topic)).length > 0)
  const second = await join()
  await until('a mesh of two', async () => (await second.pubsub.mesh(topic)).length > 0)
  await foreign.pubsub.publish(topic, testBytes(40))
  await foreign.pubsub.publish(topic, testBytes(600))
  await sends('publish')
  await second.pubsub.publish(topic, testBytes(1000))
  await sends('idontwant')
  await join() // one more than the mesh has room for
  await sends('prune')

  // Out of the mesh by a backoff, each of the two has to gossip.
  await first.pubsub.unsubscribe(topic)
  await until('it to be gone', async () => !(await foreign.pubsub.peers(topic)).includes(first.peerId))
  await first.pubsub.subscribe(topic)
  await until('it to be back', async () => (await foreign.pubsub.peers(topic)).includes(first.peerId))
  await second.pubsub.publish(topic, Uint8Array.of(2))
  await sends('ihave')
  await foreign.pubsub.unsubscribe(topic)
  await sends('unsubscribe')
  await foreign.pubsub.subscribe(topic)
  await until('it to be back', async () => (await second.pubsub.peers(topic)).includes(foreign.peerId))
  // From further away: publishers do not stop at the mesh.
  const far = await startPeerloomPeer({ pubsub: options })
  ours.push(far)
  await far.dial(second.addresses[0] ?? '')
  await far.pubsub.subscribe(topic)
  await until('a mesh', async () => (await far.pubsub.mesh(topic)).length > 0)
  await far.pubsub.publish(topic, Uint8Array.of(3))
  await sends('iwant')

  if (partial && !unsigned) {
    const parts = 'interop/parts'
    for (const peer of [foreign, second]) await peer.pubsub.subscribe(parts, { partial: 'requests' })
    await until('a mesh', async () => (await second.pubsub.mesh(parts)).length > 0)
    await second.pubsub.publishParts(parts, group, [testBytes(10)])
    // rust-libp2p refuses while it knows of nobody who takes parts.
    await until('somebody to send parts to', () =>
      foreign.pubsub.publishParts(parts, group, [undefined, testBytes(20)]).then(
        () => true,
        () => false
      )
    )
    await sends('partial')
  }
  for (const peer of [foreign, ...ours]) await peer.stop()
}

function countsOf(rpc: Uint8Array, protocol: string): Readonly<Record<string, number>> {
  const tally = new RpcTally()
  const header: number[] = []
  for (let rest = rpc.length; ; rest >>>= 7) {
    header.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80)
    if (rest < 0x80) break
  }
  tally.listener('them', 'received', protocol)(new Uint8Array([...header, ...rpc]))
  const { rpc: _, ...counts } = tally.traffic(() => undefined).peers['them']?.received ?? {}
  return counts
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + limitMs
  while (!(await holds())) {
    if (Date.now() > limit) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
