import { platform } from './platform.ts'

/** SHA-256, at once on every platform. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return platform.sha256(bytes)
}
