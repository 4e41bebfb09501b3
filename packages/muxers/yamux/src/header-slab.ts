import { headerBytes } from './frame.ts'

/** Headers are cut from pieces of this size. */
const slabBytes = 4096

let slab = new Uint8Array(0)
let used = 0

/** Room for `count` headers. One slab serves all connections, so that an idle one holds none. */
export function takeHeaders(count: number): Uint8Array {
  const bytes = count * headerBytes
  if (bytes > slabBytes / 4) return new Uint8Array(bytes)
  if (used + bytes > slab.length) {
    slab = new Uint8Array(slabBytes)
    used = 0
  }
  const start = used
  used += bytes
  return slab.subarray(start, used)
}
