import { PeerloomError } from '@peerloom/interface'
import { realpathSync } from 'node:fs'
import { createRequire, findPackageJSON } from 'node:module'

// The native part of @matrixai/quic 2.0.9, which is quiche 0.18.0, as src/native/types.ts of MatrixAI/js-quic declares it. Calls
// throw plain errors that carry quiche's name for what happened; null stands for "done".

export interface HostPort {
  host: string
  port: number
}

export interface QuicheConfig {
  grease(on: boolean): void
  setApplicationProtos(protocols: string[]): void
  setMaxIdleTimeout(ms: number): void
  setMaxRecvUdpPayloadSize(bytes: number): void
  setMaxSendUdpPayloadSize(bytes: number): void
  setInitialMaxData(bytes: number): void
  setInitialMaxStreamDataBidiLocal(bytes: number): void
  setInitialMaxStreamDataBidiRemote(bytes: number): void
  setInitialMaxStreamDataUni(bytes: number): void
  setInitialMaxStreamsBidi(count: number): void
  setInitialMaxStreamsUni(count: number): void
  setMaxConnectionWindow(bytes: number): void
  setMaxStreamWindow(bytes: number): void
  setActiveConnectionIdLimit(count: number): void
  setDisableActiveMigration(on: boolean): void
  enablePacing(on: boolean): void
  enableDgram(on: boolean, receiveQueue: number, sendQueue: number): void
}

export interface Quiche {
  recv(data: Uint8Array, info: { from: HostPort; to: HostPort }): number
  send(into: Uint8Array): [number, { to: HostPort }] | null
  streamRecv(id: number, into: Uint8Array): [number, boolean] | null
  streamSend(id: number, data: Uint8Array, fin: boolean): number | null
  /** Direction 0 sends STOP_SENDING, 1 RESET_STREAM. */
  streamShutdown(id: number, direction: 0 | 1, code: number): void | null
  /** What could be written to a stream at once. */
  streamCapacity(id: number): number
  readable(): Iterable<number>
  dgramRecvVec(): Uint8Array | null
  peerStreamsLeftBidi(): number
  timeout(): number | null
  onTimeout(): void
  sendAckEliciting(): void
  close(application: boolean, code: number, reason: Uint8Array): void | null
  applicationProto(): Uint8Array
  peerCertChain(): Uint8Array[] | null
  isEstablished(): boolean
  isDraining(): boolean
  isClosed(): boolean
  isTimedOut(): boolean
  peerError(): QuicheError | null
  localError(): QuicheError | null
  stats(): { sentBytes: number }
  pathStats(): { active: boolean; rtt: number; lost: number }[]
}

export interface QuicheError {
  isApp: boolean
  errorCode: number
  reason: Uint8Array
}

export interface Binding {
  readonly Config: {
    withBoringSslCtx(
      verifyPeer: boolean,
      verifyAllowFail: boolean,
      ca: null,
      keys: Uint8Array[] | null,
      certificates: Uint8Array[] | null,
      signatureAlgorithms: string
    ): QuicheConfig
  }
  readonly Connection: {
    connect(name: string | null, scid: Uint8Array, local: HostPort, remote: HostPort, config: QuicheConfig): Quiche
    accept(scid: Uint8Array, odcid: Uint8Array, local: HostPort, remote: HostPort, config: QuicheConfig): Quiche
  }
  negotiateVersion(scid: Uint8Array, dcid: Uint8Array, into: Uint8Array): number
  retry(
    scid: Uint8Array,
    dcid: Uint8Array,
    newScid: Uint8Array,
    token: Uint8Array,
    version: number,
    into: Uint8Array
  ): number
}

const packageName = '@matrixai/quic'
/** Universal binaries stand for both architectures of a Mac. */
const platformPackages: readonly string[] = [
  `${packageName}-${process.platform}-${process.arch}`,
  `${packageName}-${process.platform}-universal`
]

let loaded: Binding | undefined

/** Loads the binding with the first use. Throws ERR_MISSING_MODULE. `from` is the URL of the module that depends on it. */
export function loadBinding(from: string): Binding {
  if (loaded !== undefined) return loaded
  let failure: unknown
  try {
    const manifest = findPackageJSON(packageName, from)
    const require = createRequire(manifest === undefined ? from : realpathSync(manifest))
    for (const name of platformPackages) {
      try {
        loaded = require(name) as Binding
        return loaded
      } catch (error) {
        failure ??= error
      }
    }
  } catch (error) {
    failure ??= error
  }
  throw new PeerloomError(
    'ERR_MISSING_MODULE',
    `the quiche engine needs the native part of ${packageName} for ${process.platform}-${process.arch}: npm install ${packageName}@2.0.9`,
    { cause: failure }
  )
}
