// How long attacks over TCP hold the event loop of their victim, and what they leave in its memory, while an honest friend
// publishes. Victim, friend and attacker are processes of their own.
// Run: node --expose-gc --conditions=@peerloom/source packages/pubsub/gossipsub/test/attacks.bench.ts
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { encodeVarint, lengthPrefix } from '@peerloom/bounded'
import { createNode } from '@peerloom/core'
import { gossipsub, type GossipsubSnapshot } from '@peerloom/gossipsub'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { type Control, encodeMessage, encodeRpc, type SubscriptionChange } from '@peerloom/pubsub'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'

/** How long the last messages may take. */
const arrivalMs = 1000
const attackMs = 5000
const publishEveryMs = 20
const topic = 't'
const protocol = '/meshsub/1.1.0'

const frame = (rpc: { subscriptions?: SubscriptionChange[]; control?: Control }): Uint8Array =>
  lengthPrefix(encodeRpc(rpc))
const repeated = (count: number, one: readonly number[]): Uint8Array =>
  lengthPrefix(Uint8Array.from({ length: count * one.length }, (_, at) => one[at % one.length] as number))
// By hand: 2^64 - 1 seconds are more than the encoder would write.
const pruneForEver = [0x22, 14, 0x0a, 1, 116, 0x18, ...Array<number>(9).fill(0xff), 1]
const graft = [0x1a, 3, 0x0a, 1, 116]
let counter = 0
const fresh = (): string => `${++counter} of an attacker`

/** What an attacker sends again and again, as fast as it is taken. */
const attacks: Record<string, () => Uint8Array> = {
  nothing: () => new Uint8Array(0),
  '349,525 subscriptions in a frame': () => repeated(349_525, [0x0a, 0x0a, 8, 1, 0x12, 6, 97, 97, 97, 97, 97, 97]),
  '500,000 empty entries in a frame': () => repeated(500_000, [0x12, 0]),
  'a frame of a gigabyte': () => encodeVarint(2 ** 30),
  'subscriptions to fresh topics': () =>
    frame({ subscriptions: Array.from({ length: 1000 }, () => ({ topic: fresh(), subscribe: true })) }),
  'GRAFT of fresh topics': () => frame({ control: { graft: Array.from({ length: 1000 }, fresh) } }),
  'PRUNE for ever, and GRAFT in the backoff': () => lengthPrefix(Uint8Array.of(0x1a, 21, ...pruneForEver, ...graft)),
  'IHAVE of fresh messages': () => frame({ control: { ihave: [{ topic, ids: Array.from({ length: 5000 }, fresh) }] } }),
  'IWANT of unknown messages': () => frame({ control: { iwant: [Array.from({ length: 5000 }, fresh)] } }),
  'IDONTWANT of fresh messages': () => frame({ control: { idontwant: [Array.from({ length: 5000 }, fresh)] } }),
  'messages with wrong signatures': () => {
    const from = Uint8Array.of(0, 36, 8, 1, 18, 32, ...crypto.getRandomValues(new Uint8Array(32)))
    const seqno = crypto.getRandomValues(new Uint8Array(8))
    return lengthPrefix(
      encodeMessage({ from, seqno, topic, data: new Uint8Array(1000), signature: new Uint8Array(64) })
    )
  }
}

const stack = () => ({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()]
})
const gossipNode = () => createNode({ ...stack(), services: { identify: identify(), pubsub: gossipsub() } })

/** What the attack has done to the victim since it was asked before. */
interface Report {
  readonly heard: number
  readonly lagMs: number
  readonly heapMiB: number
  readonly worstScore: number
  readonly banned: boolean
}

async function victim(): Promise<void> {
  const node = await gossipNode()
  let heard = 0
  node.services.pubsub.subscribe(topic, () => void heard++)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  process.on('message', () => {
    const lagMs = delay.max / 1e6
    const seen = node.inspect().services['pubsub'] as { router: GossipsubSnapshot; banned: string[] }
    globalThis.gc?.()
    const report: Report = {
      heard,
      lagMs,
      heapMiB: process.memoryUsage().heapUsed / 2 ** 20,
      worstScore: Math.min(0, ...seen.router.peers.map(({ score }) => score)),
      banned: seen.banned.length > 0
    }
    process.send?.(report)
    delay.enable()
    delay.reset()
  })
  process.send?.(node.multiaddrs().map(String))
}

async function friend(addresses: readonly string[]): Promise<void> {
  const node = await gossipNode()
  node.services.pubsub.subscribe(topic)
  await node.dial(addresses[0] as string)
  process.on('message', () => void node.services.pubsub.publish(topic, crypto.getRandomValues(new Uint8Array(1000))))
  process.send?.({})
}

async function attacker(addresses: readonly string[], name: string): Promise<void> {
  const node = await createNode({ ...stack(), services: { identify: identify() } })
  await node.handle(protocol, (stream) => stream.attach({ data: () => {}, end: () => {}, closed: () => {} }))
  const attack = attacks[name] as () => Uint8Array
  process.send?.({})
  for (;;) {
    try {
      const connection = await node.dial(addresses[0] as string)
      const stream = await connection.openStream(protocol)
      await stream.write(frame({ subscriptions: [{ topic, subscribe: true }], control: { graft: [topic] } }))
      for (;;) {
        const bytes = attack()
        if (bytes.length === 0) await pause(100)
        for (let at = 0; at < bytes.length; at += 65_536) await stream.write(bytes.slice(at, at + 65_536))
      }
    } catch {
      await pause(10)
    }
  }
}

const file = fileURLToPath(import.meta.url)
const start = async (...args: string[]): Promise<{ child: ChildProcess; told: unknown }> => {
  const child = fork(file, args, { execArgv: ['--expose-gc', '--conditions=@peerloom/source'] })
  const [told] = await once(child, 'message')
  return { child, told }
}
const ask = async (child: ChildProcess): Promise<Report> => {
  child.send('report')
  const [report] = await once(child, 'message')
  return report as Report
}

async function run(name: string): Promise<void> {
  const { child: target, told } = await start('victim')
  const addresses = JSON.stringify(told)
  const { child: honest } = await start('friend', addresses)
  let published = 0
  const publish = (): NodeJS.Timeout =>
    setInterval(() => {
      published++
      honest.send('publish')
    }, publishEveryMs)
  const warming = publish()
  await pause(3000) // the code is warm, and the meshes are made
  clearInterval(warming)
  await pause(arrivalMs)
  const before = await ask(target)
  published = 0
  const { child: enemy } = await start('attacker', addresses, name)
  const publishing = publish()
  await pause(attackMs)
  clearInterval(publishing)
  await pause(arrivalMs)
  const after = await ask(target)
  for (const child of [enemy, honest, target]) {
    const over = once(child, 'exit')
    child.kill()
    await over
  }
  const end = after.banned ? 'banned' : `score ${after.worstScore.toFixed(0)}`
  const delivered = `${(((after.heard - before.heard) / published) * 100).toFixed(1)} %`
  const grown = `${(after.heapMiB - before.heapMiB).toFixed(1)} MiB`
  console.log(
    name.padEnd(36),
    after.lagMs.toFixed(1).padStart(8),
    grown.padStart(12),
    delivered.padStart(10),
    `  ${end}`
  )
}

const [role, addresses = '[]', attack = ''] = process.argv.slice(2)
if (role === 'victim') await victim()
else if (role === 'friend') await friend(JSON.parse(addresses) as string[])
else if (role === 'attacker') await attacker(JSON.parse(addresses) as string[], attack)
else {
  console.log('attack'.padEnd(36), 'lag, ms'.padStart(8), 'heap grew'.padStart(12), 'delivered'.padStart(10))
  for (const name of Object.keys(attacks)) if (role === undefined || name.includes(role)) await run(name)
}
