/** What may share a TCP port: HTTP (a WebSocket), TLS, and everything else. */
export type LinkKind = 'raw' | 'http' | 'tls'

const get = [0x47, 0x45, 0x54, 0x20] // 'GET '
const handshakeRecord = 0x16
const clientHello = 0x01
/** Up to the handshake type, behind record type, version and length (RFC 8446, 5.1 and 4). */
const helloBytes = 6

/**
 * What a link's first bytes say it is; undefined while there are too few to tell. Nothing else begins like either of the
 * two by chance: a private network's links start with random bytes.
 */
export function sniff(bytes: Uint8Array): LinkKind | undefined {
  const { length } = bytes
  if (length === 0) return undefined
  if (bytes[0] === handshakeRecord) {
    if (length > 1 && bytes[1] !== 3) return 'raw'
    if (length < helloBytes) return undefined
    return (bytes[2] as number) <= 4 && bytes[5] === clientHello ? 'tls' : 'raw'
  }
  for (let at = 0; at < get.length; at++) {
    if (at === length) return undefined
    if (bytes[at] !== get[at]) return 'raw'
  }
  return 'http'
}
