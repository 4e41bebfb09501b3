import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { PeerloomError } from '@peerloom/interface'

/** A SHA-256 fingerprint of a certificate: 32 bytes. The one hash that all implementations have to know. */
const digestBytes = 32
const multihashHead: Uint8Array = Uint8Array.of(0x12, digestBytes)

const utf8 = new TextEncoder()
const prologuePrefix = utf8.encode('libp2p-webrtc-noise:')

/** `AB:CD:…` as in SDP. */
export function formatFingerprint(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':')
}

/** The digest in `AB:CD:…`; undefined when that is not one of SHA-256. */
export function parseFingerprint(text: string): Uint8Array | undefined {
  if (!/^([0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2}$/.test(text)) return undefined
  return Uint8Array.from(text.split(':'), (pair) => Number.parseInt(pair, 16))
}

/** The SHA-256 fingerprint that a session description names. */
export function fingerprintOfSdp(sdp: string): Uint8Array | undefined {
  const match = /^a=fingerprint:sha-256 ([0-9a-f:]+)\s*$/im.exec(sdp)
  return match?.[1] === undefined ? undefined : parseFingerprint(match[1])
}

export function toMultihash(digest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(multihashHead.length + digest.length)
  bytes.set(multihashHead)
  bytes.set(digest, multihashHead.length)
  return bytes
}

/** `uEi…`: the multihash in base64url with its multibase prefix, as in `/certhash/…`. */
export function formatCerthash(digest: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...toMultihash(digest)))
  return `u${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`
}

/** The digests of all SHA-256 `/certhash` parts of an address. */
export function certhashesOf(address: Multiaddr): Uint8Array[] {
  // Whatever base an address was written in, from its bytes it comes in base64url.
  return multiaddr(address.bytes)
    .getComponents()
    .filter(({ name }) => name === 'certhash')
    .map(({ value = '' }) => decodeMultibase(value))
    .filter((bytes) => bytes.length === 34 && bytes[0] === 0x12 && bytes[1] === digestBytes)
    .map((bytes) => bytes.subarray(2))
}

function decodeMultibase(text: string): Uint8Array {
  if (!text.startsWith('u')) throw new PeerloomError('ERR_INVALID_ARGUMENT', `certhash ${text} is not in base64url`)
  return Uint8Array.from(atob(text.slice(1).replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}

/** What both ends have seen of each other's certificates, for the Noise handshake to vouch for. */
export function noisePrologue(client: Uint8Array, server: Uint8Array): Uint8Array {
  const [one, two] = [toMultihash(client), toMultihash(server)]
  const bytes = new Uint8Array(prologuePrefix.length + one.length + two.length)
  bytes.set(prologuePrefix)
  bytes.set(one, prologuePrefix.length)
  bytes.set(two, prologuePrefix.length + one.length)
  return bytes
}
