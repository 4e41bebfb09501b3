import { generateKeyPairSync } from 'node:crypto'
import type { ForeignPubsub, ForeignPubsubOptions } from './foreign-pubsub.ts'
import { buildForeignPeer, type ForeignPeerKind } from './peer-build.ts'
import { PeerProcess } from './peer-process.ts'
import { ProcessPeer } from './process-peer.ts'
import { defaultListen, stacks, type StackName } from './stacks.ts'
import { networkKeyFile, wssCertificate } from './test-secrets.ts'

export type { ForeignPeerKind } from './peer-build.ts'
export type ForeignKeyType = 'ed25519' | 'secp256k1' | 'rsa' | 'ecdsa'

export interface ForeignPeerOptions {
  /** Transport, lock and muxer. Default: tcp, with Noise and yamux. */
  readonly stack?: StackName
  /** Default: a free port on 127.0.0.1. */
  readonly listen?: readonly string[]
  /** Key file of the private network, for a stack that has one. Default: one that all peers of a run share. */
  readonly networkKey?: string
  /** Be a relay, without limits. Default false. */
  readonly relay?: boolean
  /** Address of a relay to be reachable through, with its peer id. */
  readonly listenRelay?: string
  /** Type of the freshly generated key. Default: ed25519. */
  readonly keyType?: ForeignKeyType
  /** rust-libp2p only: put its legacy signed record into identify. Default: no record. */
  readonly legacyIdentifyRecord?: boolean
  /** Run pubsub. Default: not at all. */
  readonly pubsub?: ForeignPubsubOptions
  /** Ends the waiting for the build and the start. A started peer is ended by `stop` only. */
  readonly signal?: AbortSignal
  /** Limit for a start without a build. Default: 20 s. */
  readonly startTimeoutMs?: number
  /** Limit for each command. Default: 30 s. */
  readonly commandTimeoutMs?: number
  /** Called with what the peer prints to stderr. Default: it is kept for error messages. */
  readonly onLog?: (text: string) => void
}

export interface CommandOptions {
  readonly signal?: AbortSignal
}

export interface EchoOptions extends CommandOptions {
  /** Bytes on each stream. */
  readonly bytes: number
  /** Parallel streams. Default: 1. */
  readonly streams?: number
  /** An echo protocol that the other side serves. Default: /interop/echo/1.0.0. */
  readonly protocol?: string
}

/** What a peer has been told about another one by identify. */
export interface ForeignIdentify {
  readonly agentVersion: string
  readonly protocolVersion: string
  readonly protocols: readonly string[]
  readonly listenAddrs: readonly string[]
  readonly observedAddr: string | undefined
  /** Envelope as the implementation accepted it. rust-libp2p drops all but its own, see the Rust peer. */
  readonly signedPeerRecord: Uint8Array | undefined
  readonly publicKey: Uint8Array
}

export interface ForeignConnection {
  readonly direction: 'inbound' | 'outbound'
  readonly remoteAddr: string
  readonly security: string
  readonly muxer: string
  /** Whether the muxer was agreed on in the security handshake; undefined where the implementation does not tell. */
  readonly earlyMuxer: boolean | undefined
}

export interface ForeignStats {
  /** Resets seen by /interop/expect-reset/1.0.0. */
  readonly resets: number
  /** Error codes that came with those resets, where the implementation reads them. */
  readonly resetCodes: readonly number[]
  /** Streams served, by protocol id. */
  readonly served: Readonly<Record<string, number>>
}

export interface ForeignIdentity {
  readonly peerId: string
  /** Protobuf encoding. */
  readonly publicKey: Uint8Array
  readonly addresses: readonly string[]
}

export interface ForeignRecord {
  readonly peerId: string
  readonly seq: bigint
  readonly addresses: readonly string[]
}

/**
 * A peer of another implementation. All of them serve /interop/{echo,digest,reset,expect-reset}/1.0.0 and ping; methods
 * that take a peer id work on the connection that exists and reject if there is none. Every command has a limit.
 */
export interface ForeignPeer extends AsyncDisposable {
  /** Name and version, such as `go-libp2p/0.51.0`. */
  readonly implementation: string
  readonly peerId: string
  /** Listening addresses with /p2p. */
  readonly addresses: readonly string[]
  /** Connects, unless already connected. Resolves to the peer id found there. */
  dial(address: string, options?: CommandOptions): Promise<string>
  /** Round trips of /ipfs/ping/1.0.0 on one stream, in milliseconds. */
  ping(peer: string, count: number, options?: CommandOptions): Promise<number[]>
  /** Sends test bytes while reading them back, closes and checks. Resolves to the bytes on all streams. */
  echo(peer: string, options: EchoOptions): Promise<number>
  /** Sends test bytes to /interop/digest/1.0.0, half-closes and checks the sha256 that comes back. */
  digest(peer: string, bytes: number, options?: CommandOptions): Promise<void>
  /** Expects a reset from /interop/reset/1.0.0. Resolves to its error code where the implementation reads it. */
  reset(peer: string, options?: CommandOptions): Promise<number | undefined>
  /** Resets a stream to /interop/expect-reset/1.0.0, with an error code where the implementation can send one. */
  sendReset(peer: string, options?: CommandOptions & { readonly code?: number }): Promise<void>
  /** Waits for the first identify answer. Later calls show what pushes have changed. */
  identify(peer: string, options?: CommandOptions): Promise<ForeignIdentify>
  /** Serves echo on one more protocol id, which makes the implementation send identify pushes. */
  handle(protocol: string, options?: CommandOptions): Promise<void>
  connections(peer: string, options?: CommandOptions): Promise<readonly ForeignConnection[]>
  /** The connection that streams are opened on; rejects if there is none. */
  connectionInfo(peer: string, options?: CommandOptions): Promise<ForeignConnection>
  /** Closes all connections to a peer. */
  close(peer: string, options?: CommandOptions): Promise<void>
  stats(options?: CommandOptions): Promise<ForeignStats>
  id(options?: CommandOptions): Promise<ForeignIdentity>
  sign(data: Uint8Array, options?: CommandOptions): Promise<Uint8Array>
  /** Has the implementation check a signature by a protobuf public key. */
  verify(
    publicKey: Uint8Array,
    data: Uint8Array,
    signature: Uint8Array,
    options?: CommandOptions
  ): Promise<{ readonly valid: boolean; readonly peerId: string }>
  /** The peer's own record in a sealed envelope; `legacy` asks rust-libp2p for the kind it puts into identify. */
  peerRecord(
    options?: CommandOptions & { readonly legacy?: boolean }
  ): Promise<ForeignRecord & { readonly record: Uint8Array }>
  /** Has the implementation open an envelope with a peer record; rejects if it does not accept it. */
  verifyRecord(record: Uint8Array, options?: CommandOptions): Promise<ForeignRecord>
  readonly pubsub: ForeignPubsub
  stop(): Promise<void>
}

const defaults = { startTimeoutMs: 20_000, commandTimeoutMs: 30_000 } as const

/**
 * Starts a peer that `build-peers.ts` has built, or builds it first when PEERLOOM_BUILD_PEERS is 1. Undefined when it is
 * not there or its toolchain is not installed, which is said on stderr.
 *
 * @example
 * await using go = await startForeignPeer('go')
 * if (go !== undefined) await go.dial('/ip4/127.0.0.1/tcp/4001/p2p/12D3Koo...')
 */
export async function startForeignPeer(
  kind: ForeignPeerKind,
  options: ForeignPeerOptions = {}
): Promise<ForeignPeer | undefined> {
  const { signal } = options
  // A run of all tests is not to compile for minutes: building is for those who ask for it.
  const onlyCached = process.env['PEERLOOM_BUILD_PEERS'] !== '1'
  const binary = await buildForeignPeer(kind, { onlyCached, ...(signal === undefined ? {} : { signal }) })
  if (binary === undefined) return undefined

  signal?.throwIfAborted()

  const keyType = options.keyType ?? 'ed25519'
  const args = ['--key-type', keyType, ...stackArguments(kind, options)]
  if (kind === 'rust' && options.legacyIdentifyRecord === true) args.push('--identify-record', 'true')
  const peer = new PeerProcess(binary, args, kind === 'rust' && keyType === 'rsa' ? rsaKey() : {}, options.onLog)
  const limit = AbortSignal.timeout(options.startTimeoutMs ?? defaults.startTimeoutMs)
  const either = signal === undefined ? limit : AbortSignal.any([limit, signal])
  const done = new AbortController()
  either.addEventListener('abort', () => void peer.stop(), { signal: done.signal }) // which makes `ready` reject
  try {
    return new ProcessPeer(peer, await peer.ready, options.commandTimeoutMs ?? defaults.commandTimeoutMs)
  } catch (error) {
    await peer.stop()
    throw either.aborted ? either.reason : error
  } finally {
    done.abort()
  }
}

function stackArguments(kind: ForeignPeerKind, options: ForeignPeerOptions): readonly string[] {
  const stack = stacks[options.stack ?? 'tcp']
  const args = ['--transport', stack.transport, '--security', stack.security, '--muxer', stack.muxer]
  for (const address of options.listen ?? [defaultListen(stack)]) args.push('--listen', address)
  if (options.relay === true) args.push('--relay')
  if (options.pubsub !== undefined) args.push('--pubsub', JSON.stringify(options.pubsub))
  if (options.listenRelay !== undefined) args.push('--listen-relay', options.listenRelay)
  if (stack.privateNetwork) args.push('--psk', networkKeyFile(options.networkKey))
  if (stack.webRTCVersion === 2 && kind === 'go') args.push('--webrtc-version', '2')
  if (stack.transport === 'wss') {
    const { certificateFile, keyFile } = wssCertificate()
    args.push('--tls-cert', certificateFile, '--tls-key', keyFile)
  }
  return args
}

/** rust-libp2p cannot generate RSA keys, so it is given one. */
function rsaKey(): Record<string, string> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { INTEROP_RSA_PKCS8: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64') }
}
