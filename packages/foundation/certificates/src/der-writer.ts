import { der, tags } from '@peerloom/identity/der'
import { PeerloomError } from '@peerloom/interface'

const firstGeneralizedYear = 2050

/** From dotted form. */
export function derObjectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 0x7f]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return der(tags.objectId, Uint8Array.from(bytes))
}

/** A bit string of whole bytes. */
export const derBitString = (bytes: Uint8Array): Uint8Array => der(tags.bitString, Uint8Array.of(0), bytes)

/** To the second; UTCTime through 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
export function derTime(ms: number): Uint8Array {
  const date = new Date(ms)
  const year = date.getUTCFullYear()
  const digits = date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)
  if (!/^\d{14}$/.test(digits)) throw new PeerloomError('ERR_INVALID_ARGUMENT', `a certificate cannot tell ${ms} ms`)
  const generalized = year >= firstGeneralizedYear || year < firstGeneralizedYear - 100
  const text = new TextEncoder().encode(`${generalized ? digits : digits.slice(2)}Z`)
  return der(generalized ? tags.generalizedTime : tags.utcTime, text)
}
