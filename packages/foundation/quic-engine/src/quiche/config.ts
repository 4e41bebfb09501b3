import type { Binding, QuicheConfig } from './binding.ts'

export interface QuicheSettings {
  /** ALPN names. */
  readonly protocols: readonly string[]
  /** PEM. A client may have none. */
  readonly certificate?: string
  readonly privateKey?: string
  /** Whether the other side has to show a certificate; it is on the caller to look at it. */
  readonly askForCertificate: boolean
  readonly idleTimeoutMs: number
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
  readonly maxInboundStreams: number
  /** Unidirectional streams that the remote may open. Default 0. */
  readonly maxInboundUniStreams?: number
  /** Datagrams are announced, and up to so many kept. Default: not announced. */
  readonly datagramQueue?: number
}

/** Fits the smallest path that QUIC allows with IPv6 and its headers in all networks in use. */
export const maxPacketBytes = 1350

const signatureAlgorithms = [
  'ecdsa_secp256r1_sha256',
  'ed25519',
  'ecdsa_secp384r1_sha384',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha256'
].join(':')

export function createConfig(binding: Binding, settings: QuicheSettings): QuicheConfig {
  const text = new TextEncoder()
  const { askForCertificate, streamWindowBytes, connectionWindowBytes, datagramQueue } = settings
  const pem = (part: string | undefined): Uint8Array[] | null => (part === undefined ? null : [text.encode(part)])
  const config = binding.Config.withBoringSslCtx(
    askForCertificate,
    true, // whatever the chain: identities are checked by the caller
    null,
    pem(settings.privateKey),
    pem(settings.certificate),
    signatureAlgorithms
  )
  config.grease(false)
  config.setApplicationProtos([...settings.protocols])
  config.setMaxIdleTimeout(settings.idleTimeoutMs)
  config.setMaxRecvUdpPayloadSize(maxPacketBytes)
  config.setMaxSendUdpPayloadSize(maxPacketBytes)
  config.setInitialMaxData(connectionWindowBytes)
  config.setMaxConnectionWindow(connectionWindowBytes)
  config.setInitialMaxStreamDataBidiLocal(streamWindowBytes)
  config.setInitialMaxStreamDataBidiRemote(streamWindowBytes)
  config.setInitialMaxStreamDataUni(Math.min(streamWindowBytes, 65_536))
  config.setMaxStreamWindow(streamWindowBytes)
  config.setInitialMaxStreamsBidi(settings.maxInboundStreams)
  config.setInitialMaxStreamsUni(settings.maxInboundUniStreams ?? 0)
  config.setActiveConnectionIdLimit(2)
  config.setDisableActiveMigration(true)
  config.enablePacing(false) // the time it gives for each packet cannot be read from here
  if (datagramQueue !== undefined) config.enableDgram(true, datagramQueue, datagramQueue)
  return config
}
