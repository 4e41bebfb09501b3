import type { UdpAddress } from '../udp.ts'
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

/** Fits IPv6 and what networks in use wrap around it: quiche does not find out what a path takes. */
const pathPacketBytes = 1350
/**
 * Fits the loopback interface of every system: the smallest has an MTU of 16 KiB. What a packet costs hardly depends on its size,
 * so this is some times faster.
 */
const loopbackPacketBytes = 16_200
/** Whatever comes in a datagram is taken. */
const receivedPacketBytes = 65_527

export const isLoopback = (host: string): boolean => host.startsWith('127.') || host === '::1'

/** How long a packet to an address may be. */
export const packetBytesTo = (host: string): number => (isLoopback(host) ? loopbackPacketBytes : pathPacketBytes)

/** The settings as quiche has them, which depend on where packets go to. */
export type QuicheConfigs = (remote: UdpAddress) => QuicheConfig

export function createConfigs(binding: Binding, settings: QuicheSettings): QuicheConfigs {
  const made = new Map<number, QuicheConfig>()
  return ({ host }) => {
    const packetBytes = packetBytesTo(host)
    let config = made.get(packetBytes)
    if (config === undefined) {
      config = createConfig(binding, settings, packetBytes)
      made.set(packetBytes, config)
    }
    return config
  }
}

const signatureAlgorithms = [
  'ecdsa_secp256r1_sha256',
  'ed25519',
  'ecdsa_secp384r1_sha384',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha256'
].join(':')

function createConfig(binding: Binding, settings: QuicheSettings, packetBytes: number): QuicheConfig {
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
  config.setMaxRecvUdpPayloadSize(receivedPacketBytes)
  config.setMaxSendUdpPayloadSize(packetBytes)
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
