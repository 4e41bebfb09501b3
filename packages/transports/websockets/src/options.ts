import type { Certificates, TlsCredentials } from './certificates.ts'

/** An `http.Server` or `https.Server` of the application. */
export interface UpgradeServer {
  // oxlint-disable-next-line typescript/no-explicit-any -- each event has arguments of its own
  on(event: string, listener: (...args: any[]) => void): unknown
  // oxlint-disable-next-line typescript/no-explicit-any
  off(event: string, listener: (...args: any[]) => void): unknown
  listenerCount(event: string): number
  address(): { readonly address: string; readonly family: string; readonly port: number } | string | null
}

/** Trust in the certificates of servers, for dials over TLS. Node only: browsers keep their own. */
export interface ClientTlsOptions {
  /** Authorities in PEM to trust, instead of those that Node brings. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[]
  /** Refuse certificates that no authority vouches for. Peers still prove who they are by Noise. Default true. */
  readonly rejectUnauthorized?: boolean
}

/** All but `maxFrameBytes` and `maxHeldBytes` has no meaning in a browser. */
export interface WebSocketOptions {
  /** What TLS listeners identify with: fixed, or `certificates()` that may change while the node runs. */
  readonly tls?: TlsCredentials | Certificates
  readonly clientTls?: ClientTlsOptions
  /** A server of the application to live on, instead of ports of our own; closing the node leaves it alone. */
  readonly server?: UpgradeServer
  /** The longest payload of one frame that is taken, in bytes. Default 1 MiB. */
  readonly maxFrameBytes?: number
  /** Pings, pongs and empty frames that a remote may send in a second; ten times as many at once. Default 100. */
  readonly maxIdleFramesPerSecond?: number
  /** Bound on TLS and the HTTP upgrade, in ms, for either role. Default 10,000. */
  readonly handshakeTimeoutMs?: number
  /** Inbound links of a listener that may be in TLS or HTTP at once; one more ends the oldest. Default 1024. */
  readonly maxPendingUpgrades?: number
  /** Connections that the system may hold before they are accepted. Default 511. */
  readonly backlog?: number
  /** Bytes that wait for a reader in a browser, which cannot hold its remote back, before the link is reset. Default 16 MiB. */
  readonly maxHeldBytes?: number
}

type Bounds = Required<
  Pick<
    WebSocketOptions,
    | 'maxFrameBytes'
    | 'maxIdleFramesPerSecond'
    | 'handshakeTimeoutMs'
    | 'maxPendingUpgrades'
    | 'backlog'
    | 'maxHeldBytes'
  >
>

export const defaultWebSocketOptions: Bounds = {
  maxFrameBytes: 1024 * 1024,
  maxIdleFramesPerSecond: 100,
  handshakeTimeoutMs: 10_000,
  maxPendingUpgrades: 1024,
  backlog: 511,
  maxHeldBytes: 16 * 1024 * 1024
}

export type WebSocketSettings = WebSocketOptions & Bounds

export const settingsOf = (options: WebSocketOptions | undefined): WebSocketSettings => ({
  ...defaultWebSocketOptions,
  ...options
})
