import { ProtobufWriter } from '@peerloom/bounded'
import {
  seededRandom,
  type SeededRandom,
  fuzzInputs as runs,
  isLongFuzz as long,
  fuzzSeed as seed
} from '@peerloom/conformance'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { isPeerloomError } from '@peerloom/interface'
import {
  Authors,
  encodeMessage,
  encodeRpc,
  rpcBytes,
  type Rpc,
  verifyMessage,
  type WireMessage
} from '@peerloom/pubsub'
import { test } from 'vitest'
import { decoder } from './readers.ts'

const timeout = Math.max(60_000, runs * 2)

const self = peerIdFromPrivateKey(await generateKey())
const from = peerIdFromPrivateKey(await generateKey())
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7)
const [message] = decoder().decode(
  encodeMessage({ from: from.bytes, data: bytes(20), seqno: bytes(8), topic: 'topic', signature: bytes(64) })
).publish as [WireMessage]
const whole: Rpc<WireMessage> = {
  subscriptions: [
    { topic: 'topic', subscribe: true },
    { topic: 'ünder', subscribe: false, requestsPartial: true, supportsPartial: true }
  ],
  publish: [message, message],
  control: {
    ihave: [{ topic: 'topic', ids: ['a', 'bb', '\u00ff\u0000'] }],
    iwant: [['a'], ['b', 'c']],
    graft: ['topic', 'other'],
    prune: [{ topic: 'topic', peers: [{ peerId: from.bytes, signedPeerRecord: bytes(90) }], backoffSeconds: 60 }],
    idontwant: [['x', 'y']],
    extensions: { partialMessages: true, testExtension: true }
  },
  partial: { topic: 'topic', groupId: bytes(4), part: bytes(9), partsMetadata: bytes(2) },
  testExtension: true
}

/** An RPC of anything, with a few bytes changed, cut or doubled; now and then noise. */
function input(random: SeededRandom): Uint8Array {
  if (random(10) === 0) return Uint8Array.from({ length: random(1024) }, () => random(256))
  const mutated = [...(random(2) === 0 ? encodeRpc(whole) : anything(random, 3))]
  for (let count = random(5); count > 0; count--) {
    const at = random(mutated.length + 1)
    const kind = random(6)
    if (kind === 0) mutated.length = at
    else if (kind === 1) mutated.splice(at, 0, ...mutated.slice(at, at + random(200)))
    else if (kind === 2) mutated.splice(at, 1 + random(4))
    else if (kind === 3) mutated.splice(at, 0, 0xff, 0xff, 0xff, 0xff, 0x0f)
    else if (mutated.length > 0) mutated[Math.min(at, mutated.length - 1)] = random(3) === 0 ? 0xff : random(256)
  }
  return Uint8Array.from(mutated)
}

function anything(random: SeededRandom, depth: number): Uint8Array {
  const writer = new ProtobufWriter()
  for (let count = random(depth < 3 ? 6 : 10); count > 0; count--) {
    const field = random(12) === 0 ? [6492434, 10, 1 + random(100)][random(3)]! : 1 + random(6)
    if (depth > 0 && random(2) === 0) writer.bytes(field, anything(random, depth - 1))
    else if (random(3) === 0) writer.uint64(field, random(4) === 0 ? 2n ** 64n - 1n : BigInt(random(2 ** 31)))
    else
      writer.bytes(
        field,
        Uint8Array.from({ length: random(random(6) === 0 ? 600 : 40) }, () => random(random(2) === 0 ? 128 : 256))
      )
  }
  return writer.finish()
}

/** Time that this process has had, in ms: on a busy machine a clock would show the time of others. */
function spentMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Runs `work` on every input; a slow one is tried again, since a collection of garbage may fall into it. */
function attempt(work: (bytes: Uint8Array) => unknown): void {
  console.info(`seed ${seed}, ${runs} inputs`)
  for (let run = 0; run < runs; run++) {
    const one = input(seededRandom(seed + run))
    let tries = long ? 5 : 1
    let took: number
    do {
      const started = spentMs()
      try {
        work(one)
      } catch (error) {
        if (!isPeerloomError(error, 'ERR_DECODE')) throw new Error(`seed ${seed}, input ${run}`, { cause: error })
      }
      took = spentMs() - started
    } while (took > 5 * Math.max(1, one.length / 1024) && --tries > 0)
    if (long && tries === 0) throw new Error(`seed ${seed}, input ${run}: ${one.length} bytes took ${took} ms`)
  }
}

test('an RPC decodes, and its messages are judged, or it fails in a typed way', { timeout }, () => {
  const reader = decoder()
  const authors = new Authors()
  attempt((one) => {
    for (const read of reader.decode(one).publish ?? []) {
      void verifyMessage(read, 'StrictSign', authors, self)
      void verifyMessage(read, 'StrictNoSign', authors, self)
      void [read.id, read.author, read.data, read.field.length === read.bytes]
      read.keep()
    }
  })
})

test('what decodes is the same when it was written again, in the size that is counted', { timeout }, () => {
  const reader = decoder()
  const written = (one: Uint8Array): Uint8Array => {
    const rpc = withSafeBackoffs(reader.decode(one))
    const again = encodeRpc(rpc)
    if (again.length !== rpcBytes(rpc)) throw new Error(`${again.length} bytes, counted ${rpcBytes(rpc)}`)
    return again
  }
  attempt((one) => {
    const once = written(one)
    if (Buffer.compare(written(once), once) !== 0) throw new Error('another RPC')
  })
})

/** Nobody writes a backoff that is not a safe number. */
function withSafeBackoffs(rpc: Rpc<WireMessage>): Rpc<WireMessage> {
  const prune = rpc.control?.prune?.map((one) =>
    Number.isSafeInteger(one.backoffSeconds ?? 0) ? one : { ...one, backoffSeconds: 3600 }
  )
  return rpc.control === undefined ? rpc : { ...rpc, control: { ...rpc.control, prune } }
}
