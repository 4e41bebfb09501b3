import { DerReader, tags } from '@peerloom/identity/der'
import { PeerloomError } from '@peerloom/interface'

/** The longest object identifiers in use hold a UUID, 19 bytes. */
const maxObjectIdBytes = 64

export const malformed = (message: string): PeerloomError => new PeerloomError('ERR_DECODE', message, { remote: true })

/** Reads the DER of certificates. Throws ERR_DECODE. */
export class CertificateReader extends DerReader {
  constructor(bytes: Uint8Array) {
    super(bytes, malformed)
  }

  override nested(tag: number): CertificateReader {
    return new CertificateReader(this.read(tag))
  }

  /** An integer from 0 to 2^31 - 1. */
  smallInteger(): number {
    const bytes = this.read(tags.integer)
    const [first = 0x80, second = 0x80] = bytes
    if (first >= 0x80 || bytes.length > 4 || (first === 0 && bytes.length > 1 && second < 0x80)) {
      throw this.fault('integer out of range')
    }
    return bytes.reduce((value, byte) => value * 256 + byte, 0)
  }

  /** In dotted form. */
  objectId(): string {
    const bytes = this.read(tags.objectId)
    if (bytes.length === 0 || bytes.length > maxObjectIdBytes || (bytes.at(-1) as number) >= 0x80) {
      throw this.fault(`object identifier of ${bytes.length} bytes`)
    }
    const arcs: bigint[] = []
    let arc = 0n
    for (const byte of bytes) {
      if (arc === 0n && byte === 0x80) throw this.fault('object identifier is not minimal')
      arc = (arc << 7n) | BigInt(byte & 0x7f)
      if (byte >= 0x80) continue
      arcs.push(arc)
      arc = 0n
    }
    const head = arcs[0] as bigint
    const first = head < 80n ? head / 40n : 2n
    return [first, head - first * 40n, ...arcs.slice(1)].join('.')
  }
}
