import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@peerloom/interface'

/**
 * An address as it is kept: never changed, only replaced. While the peer is connected it does not expire, whatever
 * `expiresAt` says.
 */
export interface StoredAddress {
  readonly certified: boolean
  readonly expiresAt: number
}

/** Code of `/p2p/` as a varint. */
const p2p = { code: 421, first: 0xa5, second: 0x03 }

/**
 * The bytes of an address, one to a character: a string of 12 bytes and those, where a Multiaddr takes a kilobyte. Where a
 * peer is does not need its own name repeated: that is left out.
 */
export function packAddress(address: Multiaddr, id: PeerId): string {
  const { bytes } = address
  const isNamed = address.getComponents().at(-1)?.code === p2p.code && endsInName(bytes, id.bytes)
  return packBytes(isNamed ? bytes.subarray(0, bytes.length - id.bytes.length - 3) : bytes)
}

export function packBytes(bytes: Uint8Array): string {
  return String.fromCharCode.apply(undefined, bytes as never)
}

export function unpackBytes(packed: string): Uint8Array {
  const bytes = new Uint8Array(packed.length)
  for (let at = 0; at < packed.length; at++) bytes[at] = packed.charCodeAt(at)
  return bytes
}

/** Undefined for bytes that are no address: a datastore may hold anything. */
export function unpackAddress(packed: string): Multiaddr | undefined {
  try {
    return multiaddr(unpackBytes(packed))
  } catch {
    return undefined
  }
}

function endsInName(bytes: Uint8Array, id: Uint8Array): boolean {
  const start = bytes.length - id.length
  if (bytes[start - 3] !== p2p.first || bytes[start - 2] !== p2p.second || bytes[start - 1] !== id.length) return false
  return id.every((byte, at) => byte === bytes[start + at])
}

/** Makes room for an address that is worth more than one of those here; false when none is worth less. */
export function dropOne(addresses: Map<string, StoredAddress>, certified: boolean, expiresAt: number): boolean {
  let worst: [string, StoredAddress] | undefined
  for (const entry of addresses) {
    const [, one] = entry
    const least = worst?.[1]
    if (least === undefined || Number(one.certified) - Number(least.certified) < 0) worst = entry
    else if (one.certified === least.certified && one.expiresAt < least.expiresAt) worst = entry
  }
  if (worst === undefined) return false
  const [key, least] = worst
  if (least.certified && !certified) return false
  if (least.certified === certified && least.expiresAt > expiresAt) return false
  addresses.delete(key)
  return true
}
