import type { KeyType } from '@peerloom/interface'
import type { Algorithm } from './algorithm.ts'

/** What differs between Node and browsers. `index.ts` and `index.browser.ts` choose; all other code is the same. */
export interface Platform {
  readonly algorithms: Readonly<Record<KeyType, Algorithm>>
  sha256(bytes: Uint8Array): Uint8Array
}

export let platform: Platform

/** Called once, by the entry of the package. */
export function setPlatform(chosen: Platform): void {
  platform = chosen
}
