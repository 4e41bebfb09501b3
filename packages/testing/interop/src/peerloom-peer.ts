import { createNode, type Node, type Services } from '@peerloom/core'
import {
  generateKey,
  openPeerRecord,
  parsePeerId,
  peerIdFromPublicKey,
  publicKeyFromProtobuf
} from '@peerloom/identity'
import { identify } from '@peerloom/identify'
import type { Connection, IdentifyResult, KeyType, PrivateKey, Stream } from '@peerloom/interface'
import { ping } from '@peerloom/ping'
import { createHash } from 'node:crypto'
import type {
  CommandOptions,
  EchoOptions,
  ForeignConnection,
  ForeignIdentify,
  ForeignIdentity,
  ForeignKeyType,
  ForeignPeer,
  ForeignPeerOptions,
  ForeignRecord,
  ForeignStats
} from './foreign-peer.ts'
import { peerloomModules } from './peerloom-modules.ts'
import { PeerloomPubsub } from './peerloom-pubsub.ts'
import type { OnRpc } from './rpc-tally.ts'
import { defaultListen, indirection, stacks } from './stacks.ts'
import { testBytes } from './test-bytes.ts'

const protocols = {
  echo: '/interop/echo/1.0.0',
  digest: '/interop/digest/1.0.0',
  reset: '/interop/reset/1.0.0',
  expectReset: '/interop/expect-reset/1.0.0'
} as const

const keyTypes: Record<ForeignKeyType, KeyType> = {
  ed25519: 'Ed25519',
  secp256k1: 'secp256k1',
  rsa: 'RSA',
  ecdsa: 'ECDSA'
}

const services = () => ({ identify: identify({ pushDelayMs: 20 }), ping: ping() })
type InteropNode = Node<Services<ReturnType<typeof services>>>

export type PeerloomPeerOptions = ForeignPeerOptions & {
  /** Called with each RPC of pubsub. */
  readonly onRpc?: OnRpc
}

/** Starts a Peerloom node that serves and asks what the foreign peers do, so that either side of a row may be ours. */
export async function startPeerloomPeer(options: PeerloomPeerOptions = {}): Promise<ForeignPeer> {
  const name = options.stack ?? 'tcp'
  const privateKey = await generateKey(keyTypes[options.keyType ?? 'ed25519'])
  const { services: extra, ...parts } = peerloomModules[name](options)
  const stack = stacks[name]
  const relayed = options.listenRelay === undefined ? [] : [`${options.listenRelay}/p2p-circuit`]
  // A private WebRTC peer is found through its relay only.
  const direct = options.listen ?? (relayed.length === 0 && stack.transport === 'webrtc' ? [] : [defaultListen(stack)])
  const pubsub = new PeerloomPubsub(options.pubsub ?? {}, options.onRpc)
  const node = await createNode({
    ...parts,
    privateKey,
    addresses: { listen: [...direct, ...relayed] },
    services: { ...extra, ...(options.pubsub === undefined ? {} : { pubsub: pubsub.module }), ...services() }
  })
  const peer = new PeerloomPeer(node, privateKey, pubsub, options.commandTimeoutMs ?? 30_000)
  const marker = stack.transport === 'webrtc' ? '/p2p-circuit/webrtc' : '/p2p-circuit'
  if (relayed.length > 0) await peer.whenListening(marker)
  return peer
}

class PeerloomPeer implements ForeignPeer {
  readonly implementation = 'peerloom/0.1.0'
  readonly pubsub: PeerloomPubsub
  readonly #node: InteropNode
  readonly #key: PrivateKey
  readonly #timeoutMs: number
  readonly #identified = new Map<string, IdentifyResult>()
  readonly #served: Record<string, number> = {}
  #resets = 0

  constructor(node: InteropNode, key: PrivateKey, pubsub: PeerloomPubsub, timeoutMs: number) {
    this.#node = node
    this.pubsub = pubsub
    this.#key = key
    this.#timeoutMs = timeoutMs
    node.events.on('peer:identify', (result) => {
      // A push may tell only what has changed.
      const before = this.#identified.get(result.peerId.toString())
      this.#identified.set(result.peerId.toString(), {
        ...result,
        observedAddress: result.observedAddress ?? before?.observedAddress,
        signedRecord: result.signedRecord ?? before?.signedRecord
      })
    })
    node.events.on('peer:disconnect', (peer) => this.#identified.delete(peer.toString()))
    this.#serve(protocols.echo, echo)
    this.#serve(protocols.digest, async (stream) => {
      const hash = createHash('sha256')
      for await (const bytes of stream) hash.update(bytes)
      await stream.write(hash.digest())
      await stream.close()
    })
    this.#serve(protocols.reset, async (stream) => {
      for await (const _ of stream) break
      stream.abort(new Error('a reset, as the protocol asks'))
    })
    this.#serve(protocols.expectReset, async (stream) => {
      try {
        for await (const _ of stream);
      } catch {
        this.#resets++
      }
    })
  }

  get peerId(): string {
    return this.#node.peerId.toString()
  }

  /** The most indirect ones first: whoever asks for them means those. */
  get addresses(): readonly string[] {
    return this.#node
      .multiaddrs()
      .map(String)
      .toSorted((one, two) => indirection(two) - indirection(one))
  }

  /** A reservation at a relay may be made in the background. */
  async whenListening(marker: string): Promise<void> {
    const limit = AbortSignal.timeout(this.#timeoutMs)
    while (!this.addresses.some((address) => address.includes(marker))) {
      limit.throwIfAborted()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async dial(address: string, options?: CommandOptions): Promise<string> {
    return (await this.#node.dial(address, { signal: this.#limit(options) })).remotePeer.toString()
  }

  async ping(peer: string, count: number, options?: CommandOptions): Promise<number[]> {
    const rtts: number[] = []
    const pings = this.#node.services.ping.pings(this.#connection(peer), {
      count,
      intervalMs: 0,
      signal: this.#limit(options)
    })
    for await (const rtt of pings) rtts.push(rtt)
    return rtts
  }

  async echo(peer: string, options: EchoOptions): Promise<number> {
    const streams = options.streams ?? 1
    const sent = testBytes(options.bytes)
    const once = async (): Promise<void> => {
      const received = await this.#exchange(peer, options.protocol ?? protocols.echo, sent, options)
      if (Buffer.compare(received, sent) !== 0) throw new Error(`the echo differs, ${received.length} bytes came`)
    }
    await Promise.all(Array.from({ length: streams }, once))
    return streams * options.bytes
  }

  async digest(peer: string, bytes: number, options?: CommandOptions): Promise<void> {
    const sent = testBytes(bytes)
    const got = await this.#exchange(peer, protocols.digest, sent, options)
    if (Buffer.compare(got, createHash('sha256').update(sent).digest()) !== 0) throw new Error('wrong digest')
  }

  async reset(peer: string, options?: CommandOptions): Promise<undefined> {
    const stream = await this.#open(peer, protocols.reset, options)
    await stream.write(Uint8Array.of(1))
    try {
      for await (const _ of stream);
    } catch (error) {
      if (stream.status === 'reset' && (error as { remote?: boolean }).remote === true) return
      throw error
    }
    throw new Error('expected a reset')
  }

  async sendReset(peer: string, options?: CommandOptions): Promise<void> {
    const stream = await this.#open(peer, protocols.expectReset, options)
    await stream.write(Uint8Array.of(1))
    // The negotiation has to be through for the handler to see the reset.
    await new Promise((resolve) => setTimeout(resolve, 50))
    stream.abort(new Error('a reset, as the row asks'))
  }

  async identify(peer: string, options?: CommandOptions): Promise<ForeignIdentify> {
    const connection = this.#connection(peer)
    const known =
      this.#identified.get(peer) ??
      (await this.#node.services.identify.identify(connection, { signal: this.#limit(options) }))
    return {
      agentVersion: known.agentVersion ?? '',
      protocolVersion: known.protocolVersion ?? '',
      protocols: known.protocols,
      listenAddrs: known.listenAddresses.map(String),
      observedAddr: known.observedAddress?.toString(),
      signedPeerRecord: known.signedRecord,
      publicKey: connection.remoteKey?.protobuf ?? new Uint8Array(0)
    }
  }

  handle(protocol: string): Promise<void> {
    this.#serve(protocol, echo)
    return Promise.resolve()
  }

  async connections(peer: string): Promise<readonly ForeignConnection[]> {
    return this.#node.connections.list(parsePeerId(peer)).map(describe)
  }

  async connectionInfo(peer: string): Promise<ForeignConnection> {
    return describe(this.#connection(peer))
  }

  async close(peer: string, options?: CommandOptions): Promise<void> {
    await this.#node.hangUp(parsePeerId(peer), { signal: this.#limit(options) })
  }

  stats(): Promise<ForeignStats> {
    return Promise.resolve({ resets: this.#resets, resetCodes: [], served: { ...this.#served } })
  }

  id(): Promise<ForeignIdentity> {
    const publicKey = this.#key.publicKey.protobuf
    return Promise.resolve({ peerId: this.peerId, publicKey, addresses: this.addresses })
  }

  sign(data: Uint8Array): Promise<Uint8Array> {
    return this.#key.sign(data)
  }

  async verify(
    publicKey: Uint8Array,
    data: Uint8Array,
    signature: Uint8Array
  ): Promise<{ valid: boolean; peerId: string }> {
    const key = publicKeyFromProtobuf(publicKey)
    return { valid: await key.verify(data, signature), peerId: peerIdFromPublicKey(key).toString() }
  }

  async peerRecord(): Promise<ForeignRecord & { readonly record: Uint8Array }> {
    const record = await this.#node.addresses.signedRecord()
    return { ...(await this.verifyRecord(record)), record }
  }

  async verifyRecord(record: Uint8Array): Promise<ForeignRecord> {
    const { peerId, seq, addresses } = await openPeerRecord(record)
    return { peerId: peerId.toString(), seq, addresses: addresses.map(String) }
  }

  stop(): Promise<void> {
    return this.#node.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #limit(options?: CommandOptions): AbortSignal {
    const limit = AbortSignal.timeout(this.#timeoutMs)
    return options?.signal === undefined ? limit : AbortSignal.any([limit, options.signal])
  }

  #connection(peer: string): Connection {
    // A private WebRTC connection before the relayed one that it was signalled over.
    const all = this.#node.connections.list(parsePeerId(peer))
    const connection = all.find(({ remoteAddress }) => remoteAddress.toString().includes('/webrtc')) ?? all[0]
    if (connection === undefined) throw new Error(`not connected to ${peer}`)
    return connection
  }

  #serve(protocol: string, serve: (stream: Stream) => Promise<void>): void {
    const handler = (stream: Stream): Promise<void> => {
      this.#served[protocol] = (this.#served[protocol] ?? 0) + 1
      return serve(stream)
    }
    void this.#node.handle(protocol, handler, { allowLimited: true })
  }

  #open(peer: string, protocol: string, options?: CommandOptions): Promise<Stream> {
    return this.#connection(peer).openStream(protocol, { signal: this.#limit(options), allowLimited: true })
  }

  /** Sends, ends, and reads meanwhile to the other side's end. */
  async #exchange(peer: string, protocol: string, sent: Uint8Array, options?: CommandOptions): Promise<Uint8Array> {
    const stream = await this.#open(peer, protocol, options)
    const signal = this.#limit(options)
    const onAbort = (): void => stream.abort(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    const sending = (async () => {
      for (let at = 0; at < sent.length; at += 32_768) await stream.write(sent.slice(at, at + 32_768))
      await stream.closeWrite()
    })()
    sending.catch(() => {}) // its failure is that of the reading below, which is awaited first
    const chunks: Uint8Array[] = []
    for await (const bytes of stream) chunks.push(bytes)
    await sending
    signal.removeEventListener('abort', onAbort)
    await stream.close()
    return Buffer.concat(chunks)
  }
}

async function echo(stream: Stream): Promise<void> {
  for await (const bytes of stream) await stream.write(bytes)
  await stream.close()
}

function describe(connection: Connection): ForeignConnection {
  return {
    direction: connection.direction,
    remoteAddr: connection.remoteAddress.toString(),
    security: connection.security,
    muxer: connection.muxer,
    earlyMuxer: connection.earlyMuxer
  }
}
