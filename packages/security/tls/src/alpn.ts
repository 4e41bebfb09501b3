import { PeerloomError } from '@peerloom/interface'

/** What stands for "the muxer is agreed on afterwards", always offered last (inlined muxer negotiation). */
const libp2p = 'libp2p'
/** A name's length is one byte, that of the list two (RFC 7301, 3.1). */
const longestNameBytes = 255
const longestListBytes = 0xffff

/** What an initiator offers, on the wire: the muxers it speaks, then `libp2p`. A name that does not fit is left out. */
export function encodeOffer(muxers: readonly string[]): Uint8Array {
  const last = encodeName(libp2p) as Uint8Array
  const names: Uint8Array[] = []
  let length = last.length
  for (const muxer of muxers) {
    const name = encodeName(muxer)
    if (name === undefined || length + name.length > longestListBytes) continue
    names.push(name)
    length += name.length
  }
  return Buffer.concat([...names, last])
}

/** What a responder takes of an offer: the first muxer it speaks too, else `libp2p`; undefined refuses the handshake. */
export function choose(offered: readonly string[], muxers: readonly string[]): string | undefined {
  return offered.find((name) => muxers.includes(name)) ?? offered.find((name) => name === libp2p)
}

/** The muxer that was agreed on; undefined leaves it to multistream. A peer without ALPN knows nothing of muxers. */
export function agreedMuxer(chosen: string | false | null, muxers: readonly string[]): string | undefined {
  if (chosen === null || chosen === false || chosen === libp2p) return undefined
  if (muxers.includes(chosen)) return chosen
  throw new PeerloomError('ERR_SECURITY', `TLS: the remote chose ${chosen}, which was not offered`, { remote: true })
}

function encodeName(name: string): Uint8Array | undefined {
  const bytes = new TextEncoder().encode(name)
  if (bytes.length === 0 || bytes.length > longestNameBytes) return undefined
  return Uint8Array.of(bytes.length, ...bytes)
}
