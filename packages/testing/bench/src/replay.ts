// What received RPCs cost, without a network: node replay.ts <driver> <messages>; one JSON line. A trace of signed messages of
// 1 KiB, each from eight peers, goes through decoder and router: the first copies, then the other seven. Figures are CPU time of
// the thread; the bare verification of the same messages is measured in turns with the first copies.
import { encodeVarint } from '@peerloom/bounded'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { encodeMessage, messageIdRule, RpcDecoder } from '@peerloom/pubsub'
import { gossipTopic } from './gossip-node.ts'

/** Takes one RPC, without its length, from one of the peers. */
export interface Receiver {
  receive(peer: number, rpc: Uint8Array): void | Promise<void>
  /** Messages that the application was given. */
  delivered(): number
  stop(): Promise<void>
}

const authorsCount = 20
const peersCount = 8
const dataBytes = 1024
/** First copies that are taken between two looks at the clock. */
const stepMessages = 50

const [, , driver = 'peerloom', countText = '4000'] = process.argv
const count = Number(countText)
const startReceiver: (peers: number) => Promise<Receiver> = driver.startsWith('peerloom')
  ? (await import('./drivers/peerloom-replay.ts')).startReceiver
  : (await import('./drivers/js-libp2p-replay.ts')).startReceiver

const cpuUs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

const keys = await Promise.all(Array.from({ length: authorsCount }, () => generateKey()))
const reader = new RpcDecoder({ idOf: messageIdRule('spec'), authorOf: () => undefined })
const trace: { readonly rpc: Uint8Array; verify(): unknown }[] = []
for (let at = 0; at < count; at++) {
  const key = keys[at % authorsCount] as (typeof keys)[number]
  const seqno = new Uint8Array(8)
  new DataView(seqno.buffer).setBigUint64(0, BigInt(at) + 1n)
  const data = new Uint8Array(dataBytes)
  data.set(encodeVarint(at))
  const fields = { from: peerIdFromPrivateKey(key).bytes, data, seqno, topic: gossipTopic }
  const signed = reader.decode(encodeMessage(fields)).publish?.[0]?.signedBytes() ?? new Uint8Array(0)
  const signature = await key.sign(signed)
  trace.push({
    rpc: encodeMessage({ ...fields, signature }),
    verify: () => key.publicKey.verify(signed, signature)
  })
}

/** Every RPC at a place of its own in a larger buffer, as records bring them. */
function received(): Uint8Array[] {
  const all = new Uint8Array(Buffer.concat(trace.map(({ rpc }) => rpc)))
  let at = 0
  return trace.map(({ rpc }) => all.subarray(at, (at += rpc.length)))
}

async function run(): Promise<{ verifyUs: number; firstUs: number; duplicateUs: number; ofVerifyLimit: number }> {
  const receiver = await startReceiver(peersCount)
  const copies = Array.from({ length: peersCount }, received)
  let bareUs = 0
  let firstUs = 0
  for (let from = 0; from < count; from += stepMessages) {
    const to = Math.min(count, from + stepMessages)
    const started = cpuUs()
    for (let at = from; at < to; at++) if (trace[at]?.verify() !== true) throw new Error('a wrong signature')
    const between = cpuUs()
    for (let at = from; at < to; at++) await receiver.receive(0, copies[0]?.[at] as Uint8Array)
    bareUs += between - started
    firstUs += cpuUs() - between
  }
  const started = cpuUs()
  for (let peer = 1; peer < peersCount; peer++) for (const rpc of copies[peer] ?? []) await receiver.receive(peer, rpc)
  const duplicateUs = cpuUs() - started
  if (receiver.delivered() !== count) throw new Error(`${receiver.delivered()} of ${count} messages were delivered`)
  await receiver.stop()
  return {
    verifyUs: bareUs / count,
    firstUs: firstUs / count,
    duplicateUs: duplicateUs / (count * (peersCount - 1)),
    ofVerifyLimit: bareUs / firstUs
  }
}

await run()
console.log(JSON.stringify(await run()))
process.exit(0)
