import type { Multiaddr } from '@multiformats/multiaddr'
import { base64url } from 'multiformats/bases/base64'

/** Where a session goes to, and what its certificates have to hash to. */
export interface WebTransportAddress {
  readonly host: string
  readonly port: number
  /** Multihashes. */
  readonly hashes: readonly Uint8Array[]
}

const sha256 = 0x12
const sha256Bytes = 32
/** More than two are of no use: the certificate of now and the one that follows. */
const maxHashes = 16

/**
 * `/ip4|ip6|dns|dns4|dns6/…/udp/…/quic-v1/webtransport`, certificate hashes and an optional `/p2p/…` behind it; undefined for
 * every other address, and when a hash is not SHA-256.
 */
export function toWebTransportAddress(address: Multiaddr): WebTransportAddress | undefined {
  const [ip, udp, quic, webtransport, ...rest] = address.getComponents()
  if (ip?.value === undefined || !/^(ip[46]|dns[46]?)$/.test(ip.name)) return undefined
  if (udp?.name !== 'udp' || udp.value === undefined) return undefined
  if (quic?.name !== 'quic-v1' || webtransport?.name !== 'webtransport') return undefined
  if (rest.at(-1)?.name === 'p2p') rest.pop()
  if (rest.length > maxHashes) return undefined
  const hashes: Uint8Array[] = []
  for (const { name, value } of rest) {
    const hash = name === 'certhash' && value !== undefined ? decodeHash(value) : undefined
    if (hash === undefined) return undefined
    hashes.push(hash)
  }
  return { host: ip.value, port: Number(udp.value), hashes }
}

/** As in a URL. */
export const authorityOf = ({ host, port }: WebTransportAddress): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

/** `uEi…`, as in `/certhash/…`. */
export const encodeHash = (multihash: Uint8Array): string => base64url.encode(multihash)

function decodeHash(text: string): Uint8Array | undefined {
  try {
    const hash = base64url.decode(text)
    return hash.length === 2 + sha256Bytes && hash[0] === sha256 && hash[1] === sha256Bytes ? hash : undefined
  } catch {
    return undefined
  }
}

/** The SHA-256 that a multihash holds. */
export const digestOf = (multihash: Uint8Array): Uint8Array<ArrayBuffer> => multihash.slice(2)
