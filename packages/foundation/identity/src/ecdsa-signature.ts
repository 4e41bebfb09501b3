import { der, derInteger, DerReader, tags } from './der.ts'

/** From DER (RFC 3279, 2.2.3) to `r || s` of 32 bytes each; undefined when it is not strict DER or does not fit. */
export function compactFromDer(signature: Uint8Array): Uint8Array | undefined {
  try {
    const outer = new DerReader(signature)
    const inner = outer.nested(tags.sequence)
    outer.end()
    const r = inner.integer()
    const s = inner.integer()
    inner.end()
    if (r.length > 32 || s.length > 32) return undefined
    const compact = new Uint8Array(64)
    compact.set(r, 32 - r.length)
    compact.set(s, 64 - s.length)
    return compact
  } catch {
    return undefined
  }
}

export function derFromCompact(compact: Uint8Array): Uint8Array {
  return der(tags.sequence, derInteger(compact.subarray(0, 32)), derInteger(compact.subarray(32)))
}
