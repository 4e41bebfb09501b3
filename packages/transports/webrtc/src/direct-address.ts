import type { Multiaddr } from '@multiformats/multiaddr'
import { certhashesOf } from './fingerprint.ts'

/** Where a WebRTC Direct server is. */
export interface DirectAddress {
  readonly host: string
  readonly family: 4 | 6
  readonly port: number
}

/** A server as a dialler knows it. */
export interface DirectTarget extends DirectAddress {
  /** SHA-256 digest of the certificate it has to show. */
  readonly fingerprint: Uint8Array
}

/** `/ip4|ip6/…/udp/…/webrtc-direct`, with or without hashes and peer; undefined for every other address. */
export function parseDirectAddress(address: Multiaddr): DirectAddress | undefined {
  const [ip, udp, direct, ...rest] = address.getComponents()
  if ((ip?.name !== 'ip4' && ip?.name !== 'ip6') || ip.value === undefined) return undefined
  if (udp?.name !== 'udp' || udp.value === undefined || direct?.name !== 'webrtc-direct') return undefined
  const end = rest.at(-1)?.name === 'p2p' ? rest.slice(0, -1) : rest
  if (end.some(({ name }) => name !== 'certhash')) return undefined
  return { host: ip.value, family: ip.name === 'ip4' ? 4 : 6, port: Number(udp.value) }
}

/** An address that can be dialled: with the hash of a certificate. */
export function parseDirectTarget(address: Multiaddr): DirectTarget | undefined {
  const parsed = parseDirectAddress(address)
  if (parsed === undefined || parsed.port === 0) return undefined
  const [fingerprint] = certhashesOf(address)
  return fingerprint === undefined ? undefined : { ...parsed, fingerprint }
}
