import { multiaddr } from '@multiformats/multiaddr'
import { ProtobufWriter } from '@peerloom/bounded'
import {
  seededRandom,
  type SeededRandom,
  fuzzInputs as runs,
  isLongFuzz as long,
  fuzzSeed as seed
} from '@peerloom/conformance'
import { decodeIdentify, encodeIdentify, type IdentifyMessage } from '@peerloom/identify'
import { isPeerloomError, type Stream, systemClock } from '@peerloom/interface'
import { ChannelBase } from '@peerloom/streams'
import { test } from 'vitest'
import { believable } from '../src/believable.ts'
import { receiveAll } from '../src/receive.ts'

const timeout = Math.max(60_000, runs * 2)

const limits = { maxAddresses: 500, maxProtocols: 1024 }
const seenAt = multiaddr('/ip4/8.8.8.8/tcp/4001')
const peer = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'
const addresses = [
  '/ip4/1.2.3.4/tcp/4001',
  '/ip6/2001:db8::1/udp/4001/quic-v1/webtransport/certhash/uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ',
  '/dns4/example.com/tcp/443/tls/sni/example.com/ws',
  `/ip4/1.2.3.4/tcp/4001/p2p/${peer}/p2p-circuit`,
  '/ip6zone/eth0/ip6/fe80::1/tcp/1',
  '/unix/%2Ftmp%2Fa.sock',
  '/ip4/127.0.0.1/udp/9090/webrtc-direct/certhash/uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ',
  '/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1234'
].map((text) => multiaddr(text))
const message: IdentifyMessage = {
  publicKey: Uint8Array.from({ length: 36 }, (_, at) => at),
  listenAddresses: addresses,
  protocols: ['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', '/chat/1'],
  observedAddress: multiaddr('/ip4/5.6.7.8/tcp/9'),
  protocolVersion: 'ipfs/0.1.0',
  agentVersion: 'peerloom/1',
  signedPeerRecord: new Uint8Array(80).fill(7)
}

/** A message of anything, with a few bytes changed, cut or doubled; now and then noise. */
function input(random: SeededRandom): Uint8Array {
  if (random(10) === 0) return Uint8Array.from({ length: random(1024) }, () => random(256))
  const bytes = [...(random(3) === 0 ? encodeIdentify(message)[0]! : anything(random))]
  for (let count = random(5); count > 0; count--) {
    const at = random(bytes.length + 1)
    const kind = random(6)
    if (kind === 0) bytes.length = at
    else if (kind === 1) bytes.splice(at, 0, ...bytes.slice(at, at + random(200)))
    else if (kind === 2) bytes.splice(at, 1 + random(4))
    else if (kind === 3) bytes.splice(at, 0, 0xff, 0xff, 0xff, 0xff, 0x0f)
    else if (bytes.length > 0) bytes[Math.min(at, bytes.length - 1)] = random(3) === 0 ? 0xff : random(256)
  }
  return Uint8Array.from(bytes)
}

function anything(random: SeededRandom): Uint8Array {
  const writer = new ProtobufWriter()
  for (let count = random(30); count > 0; count--) {
    const field = random(12) === 0 ? 1 + random(100) : 1 + random(8)
    const address = addresses[random(addresses.length)]!.bytes
    if ((field === 2 || field === 4) && random(4) > 0) writer.bytes(field, repeated(address, 1 + random(30)))
    else if (random(8) === 0) writer.uint64(field, BigInt(random(2 ** 31)))
    else
      writer.bytes(
        field,
        Uint8Array.from({ length: random(random(6) === 0 ? 600 : 40) }, () => random(256))
      )
  }
  return writer.finish()
}

function repeated(bytes: Uint8Array, times: number): Uint8Array {
  return Uint8Array.from(Array.from({ length: times }, () => [...bytes]).flat())
}

/** Time that this process has had, in ms: on a busy machine a clock would show the time of others. */
function spentMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Runs `work` on every input; a slow one is tried again, since a collection of garbage may fall into it. */
async function attempt(work: (bytes: Uint8Array, random: SeededRandom) => unknown, codes: readonly string[]) {
  console.info(`seed ${seed}, ${runs} inputs`)
  for (let run = 0; run < runs; run++) {
    const bytes = input(seededRandom(seed + run))
    let tries = long ? 5 : 1
    let took: number
    do {
      const random = seededRandom(seed + run + 1)
      const started = spentMs()
      try {
        const working = work(bytes, random)
        took = spentMs() - started
        await working
      } catch (error) {
        took = spentMs() - started
        if (!codes.some((code) => isPeerloomError(error, code as never))) {
          throw new Error(`seed ${seed}, input ${run}`, { cause: error })
        }
      }
    } while (took > 5 * Math.max(1, bytes.length / 1024) && --tries > 0)
    if (long && tries === 0) throw new Error(`seed ${seed}, input ${run}: ${bytes.length} bytes took ${took} ms`)
  }
}

test(
  'a message decodes, and its addresses are judged and written, or it fails in a typed way',
  { timeout },
  async () => {
    await attempt(
      (bytes) => {
        const { listenAddresses, observedAddress } = decodeIdentify(bytes, limits)
        for (const address of believable(listenAddresses, seenAt)) String(address)
        if (observedAddress !== undefined) String(observedAddress)
      },
      ['ERR_DECODE']
    )
  }
)

test('what decodes is the same when it was written again', { timeout }, async () => {
  const written = (bytes: Uint8Array): Uint8Array =>
    new Uint8Array(Buffer.concat(encodeIdentify(decodeIdentify(bytes, limits))))
  await attempt(
    (bytes) => {
      const once = written(bytes)
      if (Buffer.compare(written(once), once) !== 0) throw new Error('another message')
    },
    // A message that is read may be longer than one that is written.
    ['ERR_DECODE', 'ERR_INVALID_ARGUMENT']
  )
})

/** A stream that brings what it is told to. */
class Line extends ChannelBase {
  constructor() {
    super(systemClock)
  }

  bring(bytes: Uint8Array, cut: () => number): void {
    for (let at = 0; at < bytes.length && this.status === 'open';) {
      const piece = bytes.slice(at, at + cut())
      at += piece.length
      this.deliver(piece)
    }
    this.remoteEnd()
  }

  protected override carry(): void {}

  protected override carryEnd(): void {
    this.writeFinished()
  }

  protected override carryReset(): void {}
}

test('framed messages in any pieces are received, or refused in a typed way', { timeout }, async () => {
  await attempt(
    (bytes, random) => {
      const line = new Line()
      const receiving = receiveAll(line as unknown as Stream, systemClock, 60_000)
      const lengths = [bytes.length, random(bytes.length + 1), random(2 ** 31), 8193, 127]
      const length = lengths[random(8)] ?? bytes.length
      const framed = new ProtobufWriter().bytes(1, bytes.subarray(0, length)).finish().subarray(1)
      line.bring(random(3) === 0 ? Buffer.concat([framed, framed, bytes]) : framed, () => 1 + random(300))
      return receiving.then((whole) => decodeIdentify(whole, limits))
    },
    ['ERR_DECODE', 'ERR_MESSAGE_TOO_LARGE', 'ERR_UNEXPECTED_END']
  )
})
