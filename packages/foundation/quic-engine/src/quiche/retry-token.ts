import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import type { UdpAddress } from '../udp.ts'

const validMs = 10_000
const macBytes = 16
const timeBytes = 8

/**
 * Tokens of Retry packets (RFC 9000 section 8.1.2): what a first packet said comes back with its sender's proof that it is at
 * its address, so that nothing is kept about those who are not.
 */
export class RetryTokens {
  readonly #key = createSecretKey(randomBytes(32))

  /** Holds the id that the client began with. Bound to its address and to the id that it goes on with. */
  create(odcid: Uint8Array, scid: Uint8Array, from: UdpAddress, now: number): Uint8Array {
    const head = Buffer.alloc(timeBytes + odcid.length)
    head.writeBigUInt64BE(BigInt(now))
    head.set(odcid, timeBytes)
    return Buffer.concat([this.#mac(head, scid, from), head])
  }

  /** The id that the client began with; undefined for a token that is not ours, of somebody else, or too old. */
  open(token: Uint8Array, scid: Uint8Array, from: UdpAddress, now: number): Uint8Array | undefined {
    if (token.length < macBytes + timeBytes || token.length > macBytes + timeBytes + 20) return undefined
    const head = token.subarray(macBytes)
    if (!timingSafeEqual(this.#mac(head, scid, from), token.subarray(0, macBytes))) return undefined
    const age = now - Number(Buffer.from(head.buffer, head.byteOffset, timeBytes).readBigUInt64BE())
    return age >= 0 && age <= validMs ? new Uint8Array(head.subarray(timeBytes)) : undefined
  }

  #mac(head: Uint8Array, scid: Uint8Array, { host, port }: UdpAddress): Buffer {
    const mac = createHmac('sha256', this.#key).update(head).update(scid).update(`${host} ${port}`).digest()
    return mac.subarray(0, macBytes)
  }
}
