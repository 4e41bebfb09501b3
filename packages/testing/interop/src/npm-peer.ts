import { generateKeyPair, publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { identify, identifyPush, type Identify } from '@libp2p/identify'
import type { Connection, IdentifyResult, KeyType, Libp2p, PrivateKey, Stream } from '@libp2p/interface'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import { ping, type Ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { createLibp2p } from 'libp2p'
import { version } from 'libp2p/version'
import { defaultListen, indirection, stacks, type StackName } from './stacks.ts'
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
import { npmModules } from './npm-modules.ts'
import { NpmPubsub } from './npm-pubsub.ts'
import {
  checkDigest,
  checkEcho,
  digest,
  echo,
  isReset,
  protocols,
  readAll,
  readOneThenReset,
  send
} from './npm-streams.ts'

type Node = Libp2p<{ identify: Identify; identifyPush: unknown; ping: Ping }>

const keyTypes: Record<ForeignKeyType, KeyType> = {
  ed25519: 'Ed25519',
  secp256k1: 'secp256k1',
  rsa: 'RSA',
  ecdsa: 'ECDSA'
}
const streamLifetimeMs = 120_000
/** The rows send more than the 128 KiB of the default. */
const relayLimits = { applyDefaultLimit: false, maxReservations: 1000 } as const
/** libp2p allows 32 streams in and 64 out per protocol unless told otherwise, fewer than the rows open. */
const streamLimits = { maxInboundStreams: 1024, maxOutboundStreams: 1024 } as const

export type NpmPeerOptions = ForeignPeerOptions & {
  /** Take noise and yamux from the frozen @chainsafe packages. Default false. */
  readonly frozen?: boolean
}

/**
 * Starts npm libp2p in this process, with the same protocols and methods as the peers in processes. Undefined when the
 * stack needs packages that are not in the cache.
 */
export async function startNpmPeer(
  options: NpmPeerOptions & { readonly stack: StackName }
): Promise<ForeignPeer | undefined>
export async function startNpmPeer(options?: NpmPeerOptions): Promise<ForeignPeer>
export async function startNpmPeer(options: NpmPeerOptions = {}): Promise<ForeignPeer | undefined> {
  options.signal?.throwIfAborted()
  const stack = stacks[options.stack ?? 'tcp']
  const modules = await npmModules(stack, options)
  if (modules === undefined) return undefined
  const { listenRelay } = options
  const relayed = listenRelay === undefined ? [] : [`${listenRelay}/p2p-circuit`]
  // A private WebRTC peer is found through its relay only.
  const listen = options.listen ?? (relayed.length === 0 && stack.transport === 'webrtc' ? [] : [defaultListen(stack)])
  const privateKey = await generateKeyPair(keyTypes[options.keyType ?? 'ed25519'])
  const pubsub = new NpmPubsub(options.pubsub ?? {})
  const node = await createLibp2p({
    ...modules,
    privateKey,
    addresses: { listen: [...listen, ...relayed] },
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      ...(options.pubsub === undefined ? {} : { pubsub: pubsub.module }),
      ...(options.relay === true ? { relay: circuitRelayServer({ reservations: relayLimits }) } : {})
    },
    // Nothing here should dial, ping or close on its own, nor refuse what the rows open.
    connectionMonitor: { enabled: false },
    connectionManager: { inboundConnectionThreshold: 1000, maxIncomingPendingConnections: 1000 }
  })
  const peer = new NpmPeer(node, privateKey, pubsub, options.commandTimeoutMs ?? 30_000)
  await peer.serve()
  if (listenRelay !== undefined) await peer.whenRelayed(listenRelay, stack.transport === 'webrtc')
  return peer
}

class NpmPeer implements ForeignPeer {
  readonly implementation: string
  readonly peerId: string
  readonly pubsub: NpmPubsub
  readonly #node: Node
  readonly #key: PrivateKey
  readonly #timeoutMs: number
  readonly #identified = new Map<string, IdentifyResult>()
  readonly #served: Record<string, number> = {}
  #resets = 0

  constructor(node: Node, key: PrivateKey, pubsub: NpmPubsub, timeoutMs: number) {
    this.#node = node
    this.pubsub = pubsub
    this.#key = key
    this.#timeoutMs = timeoutMs
    this.peerId = node.peerId.toString()
    this.implementation = `js-libp2p/${version}`
    node.addEventListener('peer:identify', ({ detail }) => {
      const peer = detail.peerId.toString()
      // A push may tell only what has changed.
      const told = Object.entries(detail).filter(([, value]) => value !== undefined && value !== null)
      this.#identified.set(peer, { ...this.#identified.get(peer), ...Object.fromEntries(told) } as IdentifyResult)
    })
    node.addEventListener('peer:disconnect', ({ detail }) => this.#identified.delete(detail.toString()))
  }

  /** The most indirect ones first: whoever asks for them means those. */
  get addresses(): readonly string[] {
    return this.#node
      .getMultiaddrs()
      .map(String)
      .toSorted((one, two) => indirection(two) - indirection(one))
  }

  /** The reservation is made in the background. */
  async whenRelayed(relay: string, webRTC: boolean): Promise<void> {
    const wanted = `${relay}/p2p-circuit/${webRTC ? 'webrtc/' : ''}p2p/`
    const limit = AbortSignal.timeout(this.#timeoutMs)
    while (!this.addresses.some((address) => address.startsWith(wanted))) {
      limit.throwIfAborted()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async serve(): Promise<void> {
    await this.#serve(protocols.echo, echo)
    await this.#serve(protocols.digest, digest)
    await this.#serve(protocols.reset, readOneThenReset)
    await this.#serve(protocols.expectReset, async (stream) => {
      await readAll(stream).catch((error: unknown) => {
        if (!isReset(error)) throw error
        this.#resets += 1
      })
    })
  }

  async dial(address: string, options?: CommandOptions): Promise<string> {
    const connection = await this.#node.dial(multiaddr(address), { signal: this.#limit(options) })
    return connection.remotePeer.toString()
  }

  async ping(peer: string, count: number, options?: CommandOptions): Promise<number[]> {
    const signal = this.#limit(options)
    const rtts: number[] = []
    for (let round = 0; round < count; round++) {
      rtts.push(await this.#node.services.ping.ping(peerIdFromString(peer), { signal }))
    }
    return rtts
  }

  async echo(peer: string, options: EchoOptions): Promise<number> {
    const signal = this.#limit(options)
    const streams = options.streams ?? 1
    const once = (): Promise<void> =>
      this.#use(peer, options.protocol ?? protocols.echo, signal, (stream) => checkEcho(stream, options.bytes, signal))
    await Promise.all(Array.from({ length: streams }, once))
    return streams * options.bytes
  }

  async digest(peer: string, bytes: number, options?: CommandOptions): Promise<void> {
    const signal = this.#limit(options)
    await this.#use(peer, protocols.digest, signal, (stream) => checkDigest(stream, bytes, signal))
  }

  async reset(peer: string, options?: CommandOptions): Promise<undefined> {
    const signal = this.#limit(options)
    await this.#use(peer, protocols.reset, signal, async (stream) => {
      await send(stream, Uint8Array.of(1), signal)
      const ended = await readAll(stream).catch((error: unknown) => error)
      if (!isReset(ended)) throw new Error('expected a reset', { cause: ended })
    })
  }

  async sendReset(peer: string, options?: CommandOptions): Promise<void> {
    const signal = this.#limit(options)
    await this.#use(peer, protocols.expectReset, signal, async (stream) => {
      await send(stream, Uint8Array.of(1), signal)
      stream.abort(new Error('a reset, as the row asks'))
    })
  }

  async identify(peer: string, options?: CommandOptions): Promise<ForeignIdentify> {
    const signal = this.#limit(options)
    const connection = this.#connection(peer)
    // By itself it asks over connections without limits only.
    if (connection.limits !== undefined) await this.#node.services.identify.identify(connection, { signal })
    const result = await this.#whenIdentified(peer, signal)
    // The event has the record's content only; the envelope is in the peer store.
    const stored = await this.#node.peerStore.get(peerIdFromString(peer), { signal })
    return {
      agentVersion: result.agentVersion ?? '',
      protocolVersion: result.protocolVersion ?? '',
      protocols: result.protocols,
      listenAddrs: result.listenAddrs.map(String),
      observedAddr: result.observedAddr?.toString(),
      signedPeerRecord: result.signedPeerRecord && stored.peerRecordEnvelope,
      publicKey: new Uint8Array(result.publicKey ?? [])
    }
  }

  async handle(protocol: string): Promise<void> {
    await this.#serve(protocol, echo)
  }

  connections(peer: string): Promise<readonly ForeignConnection[]> {
    return Promise.resolve(this.#connections(peer).map(describe))
  }

  connectionInfo(peer: string): Promise<ForeignConnection> {
    return Promise.resolve().then(() => describe(this.#connection(peer)))
  }

  async close(peer: string, options?: CommandOptions): Promise<void> {
    await this.#node.hangUp(peerIdFromString(peer), { signal: this.#limit(options) })
  }

  stats(): Promise<ForeignStats> {
    return Promise.resolve({ resets: this.#resets, resetCodes: [], served: { ...this.#served } })
  }

  id(): Promise<ForeignIdentity> {
    const publicKey = publicKeyToProtobuf(this.#key.publicKey)
    return Promise.resolve({ peerId: this.peerId, publicKey, addresses: this.addresses })
  }

  async sign(data: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await this.#key.sign(data))
  }

  async verify(
    publicKey: Uint8Array,
    data: Uint8Array,
    signature: Uint8Array
  ): Promise<{ readonly valid: boolean; readonly peerId: string }> {
    const key = publicKeyFromProtobuf(publicKey)
    return { valid: await key.verify(data, signature), peerId: peerIdFromPublicKey(key).toString() }
  }

  async peerRecord(): Promise<ForeignRecord & { readonly record: Uint8Array }> {
    const own = new PeerRecord({ peerId: this.#node.peerId, multiaddrs: this.#node.getMultiaddrs().map(withoutPeerId) })
    const envelope = await RecordEnvelope.seal(own, this.#key)
    return { ...describeRecord(own), record: new Uint8Array(envelope.marshal()) }
  }

  async verifyRecord(record: Uint8Array): Promise<ForeignRecord> {
    const envelope = await RecordEnvelope.openAndCertify(record, PeerRecord.DOMAIN)
    const opened = PeerRecord.createFromProtobuf(envelope.payload)
    if (!opened.peerId.equals(peerIdFromPublicKey(envelope.publicKey))) {
      throw new Error('the record is not about its signer')
    }
    return describeRecord(opened)
  }

  async stop(): Promise<void> {
    await this.#node.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #limit(options?: CommandOptions): AbortSignal {
    const limit = AbortSignal.timeout(this.#timeoutMs)
    return options?.signal === undefined ? limit : AbortSignal.any([limit, options.signal])
  }

  /** A private WebRTC connection before the relayed one that it was signalled over. */
  #connections(peer: string): readonly Connection[] {
    const all = this.#node.getConnections(peerIdFromString(peer))
    return all.toSorted((one, two) => Number(isWebRTC(two)) - Number(isWebRTC(one)))
  }

  #connection(peer: string): Connection {
    const [connection] = this.#connections(peer)
    if (connection === undefined) throw new Error(`not connected to ${peer}`)
    return connection
  }

  async #serve(protocol: string, serve: (stream: Stream, signal: AbortSignal) => Promise<void>): Promise<void> {
    const handler = async (stream: Stream): Promise<void> => {
      this.#served[protocol] = (this.#served[protocol] ?? 0) + 1
      // A failure has reset the stream, which is how the other side hears of it.
      await bounded(stream, AbortSignal.timeout(streamLifetimeMs), serve).catch(() => {})
    }
    await this.#node.handle(protocol, handler, { ...streamLimits, runOnLimitedConnection: true })
  }

  async #use(
    peer: string,
    protocol: string,
    signal: AbortSignal,
    work: (stream: Stream) => Promise<void>
  ): Promise<void> {
    const stream = await this.#connection(peer).newStream(protocol, {
      signal,
      ...streamLimits,
      runOnLimitedConnection: true
    })
    await bounded(stream, signal, work)
  }

  async #whenIdentified(peer: string, signal: AbortSignal): Promise<IdentifyResult> {
    for (;;) {
      const known = this.#identified.get(peer)
      if (known !== undefined) return known
      await new Promise<void>((resolve, reject) => {
        const done = new AbortController()
        const finish = (settle: () => void) => () => {
          done.abort()
          settle()
        }
        this.#node.addEventListener('peer:identify', finish(resolve), { signal: done.signal })
        signal.addEventListener(
          'abort',
          finish(() => reject(signal.reason)),
          { signal: done.signal }
        )
      })
    }
  }
}

/** Streams have no limit of their own while they are read, so a failure or the end of the signal resets them. */
async function bounded(
  stream: Stream,
  signal: AbortSignal,
  work: (stream: Stream, signal: AbortSignal) => Promise<void>
): Promise<void> {
  const abort = (): void => stream.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await work(stream, signal)
  } catch (error) {
    stream.abort(error as Error)
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function isWebRTC(connection: Connection): boolean {
  return connection.remoteAddr.toString().includes('/webrtc')
}

function describe(connection: Connection): ForeignConnection {
  return {
    direction: connection.direction,
    remoteAddr: connection.remoteAddr.toString(),
    security: connection.encryption ?? '',
    muxer: connection.multiplexer ?? '',
    earlyMuxer: undefined
  }
}

function describeRecord(record: PeerRecord): ForeignRecord {
  return {
    peerId: record.peerId.toString(),
    seq: record.seqNumber,
    addresses: record.multiaddrs.map(String)
  }
}

function withoutPeerId(address: ReturnType<typeof multiaddr>): ReturnType<typeof multiaddr> {
  return address.decapsulate('/p2p')
}
