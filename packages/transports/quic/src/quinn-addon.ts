import { PeerloomError } from '@peerloom/interface'
import { realpathSync } from 'node:fs'
import { createRequire, findPackageJSON } from 'node:module'

// The native part of @chainsafe/libp2p-quic 2.1.1, as rust/lib.rs of ChainSafe/js-libp2p-quic declares it. Promises reject
// with plain errors whose message is all there is to tell them apart.

export interface AddonStream {
  id(): string
  /** At most `maxBytes`; undefined or null at the end. One at a time: two reads under way may be served in either order. */
  read(maxBytes: number): Promise<Uint8Array | null | undefined>
  /** Resolves when all is in the send buffer. One at a time as well. */
  write(bytes: Uint8Array): Promise<void>
  // These wait for the read or the write that is under way.
  finishWrite(): Promise<void>
  resetWrite(): Promise<void>
  stopRead(): Promise<void>
}

export interface AddonStats {
  /** STREAM frames sent, retransmissions included. */
  readonly frameTxStream: number
}

export interface AddonConnection {
  /** Rejects when the connection is over, with the reason. */
  inboundStream(): Promise<AddonStream>
  outboundStream(): Promise<AddonStream>
  /** Closes with code 0, at once. */
  abort(): void
  /** In whole ms. */
  rtt(): number
  /** `/ip4|ip6/…/udp/…/quic-v1/p2p/…` */
  remoteMultiaddr(): string
  stats(): AddonStats
}

export interface AddonServer {
  port(): number
  /** Resolves when a handshake is over; rejects when one failed or the server is closed. */
  inboundConnection(): Promise<AddonConnection>
  stats(): { readonly acceptedHandshakes: number }
  /** Ends all connections, waits for the last packets, frees the port. */
  abort(): Promise<void>
}

export interface AddonClient {
  outboundConnection(ip: string, port: number): Promise<AddonConnection>
  abort(): void
}

export interface AddonConfig {
  readonly privateKeyProto: Uint8Array
  readonly handshakeTimeout: number
  readonly shutdownTimeout: number
  readonly maxIdleTimeout: number
  readonly keepAliveInterval: number
  readonly maxConcurrentStreamLimit: number
  readonly maxStreamData: number
  readonly maxConnectionData: number
  readonly receiveBufferSize: number
  readonly sendBufferSize: number
}

/** An opaque configuration. */
export type QuinnConfig = object

export interface Addon {
  readonly QuinnConfig: new (config: AddonConfig) => QuinnConfig
  readonly Server: new (config: QuinnConfig, ip: string, port: number) => AddonServer
  /** Family 0 is IPv4, 1 is IPv6. */
  readonly Client: new (config: QuinnConfig, family: 0 | 1) => AddonClient
}

const packageName = '@chainsafe/libp2p-quic'

/** The names of the packages that may hold the binary for this machine. */
function platformPackages(): string[] {
  const { platform, arch } = process
  // Which C library it is shows in the one that loads.
  const kinds = platform === 'linux' ? ['-gnu', '-musl'] : platform === 'win32' ? ['-msvc'] : ['']
  return kinds.map((kind) => `${packageName}-${platform}-${arch}${kind}`)
}

let loaded: Addon | undefined

/** Loads the addon with the first use. Throws ERR_MISSING_MODULE. */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded
  const failures: unknown[] = []
  try {
    // The binary is a dependency of the package's, whose own entry point loads much of js-libp2p with it. Package managers
    // link: dependencies are found beside where it really is.
    const manifest = findPackageJSON(packageName, import.meta.url)
    if (manifest !== undefined) {
      const require = createRequire(realpathSync(manifest))
      for (const name of platformPackages()) {
        try {
          loaded = require(name) as Addon
          return loaded
        } catch (error) {
          failures.push(error)
        }
      }
    }
  } catch (error) {
    failures.push(error)
  }
  throw new PeerloomError(
    'ERR_MISSING_MODULE',
    `QUIC needs the native part of ${packageName} for ${process.platform}-${process.arch}: npm install ${packageName}@2.1.1`,
    { cause: failures[0] }
  )
}
