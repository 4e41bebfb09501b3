import { PeerloomError } from '@peerloom/interface'
import type { KeyType } from '@peerloom/interface'

export interface GenerateOptions {
  /** The size of an RSA key, 2048 to 8192. Default 2048; other types have one size. */
  readonly rsaBits?: number
}

/** Gives false for whatever is not a signature, and throws only when the platform cannot verify at all. */
export type Verify = (data: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>
export type Sign = (data: Uint8Array) => Uint8Array | Promise<Uint8Array>

export interface PrivateParts {
  /** In the canonical form that is stored. */
  readonly raw: Uint8Array
  readonly publicRaw: Uint8Array
  readonly sign: Sign
}

/** One type of key on one platform. */
export interface Algorithm {
  /** Checks the bytes and throws ERR_INVALID_KEY or ERR_UNSUPPORTED_KEY. May keep `raw`, which nobody else changes. */
  importPublic(raw: Uint8Array): Verify
  /** Checks also that the halves belong together. */
  importPrivate(raw: Uint8Array): Promise<PrivateParts>
  generate(options: GenerateOptions): Promise<PrivateParts>
}

export const invalidKey = (message: string, cause?: unknown): PeerloomError =>
  new PeerloomError('ERR_INVALID_KEY', message, { cause })

export const unsupportedKey = (message: string, cause?: unknown): PeerloomError =>
  new PeerloomError('ERR_UNSUPPORTED_KEY', message, { cause })

export function expectLength(type: KeyType, what: string, raw: Uint8Array, length: number): void {
  if (raw.length !== length) throw invalidKey(`${type} ${what} of ${raw.length} bytes, expected ${length}`)
}
