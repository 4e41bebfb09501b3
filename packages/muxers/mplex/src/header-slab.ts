/** Headers are cut from pieces of this size. */
const slabBytes = 4096

let slab = new Uint8Array(0)
let used = 0

/** Room for a header, or a few. One slab serves all connections, so that an idle one holds none. */
export function takeHeader(bytes: number): Uint8Array {
  if (used + bytes > slab.length) {
    slab = new Uint8Array(Math.max(slabBytes, bytes))
    used = 0
  }
  const start = used
  used += bytes
  return slab.subarray(start, used)
}
