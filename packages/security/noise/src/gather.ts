/** Gathered bytes are cut from slabs, which live until the last of what is cut from them has been written. */
const slabBytes = 64 * 1024
let slab = new Uint8Array(0)
let start = 0
let end = 0

export type Emit = (bytes: Uint8Array) => void

/**
 * Small outputs that follow each other leave in one buffer. Only one caller gathers at a time, and what is gathered is let
 * go before anything else is emitted: whoever takes it may gather too (a relayed connection runs inside another).
 * `bytes`: what will be gathered in one piece, if all goes well.
 */
export function startGathering(bytes: number): void {
  if (end + bytes <= slab.length) return
  slab = new Uint8Array(slabBytes)
  start = end = 0
}

export function gather(bytes: Uint8Array, emit: Emit): void {
  if (end + bytes.length > slab.length) {
    letGo(emit)
    startGathering(slabBytes)
  }
  slab.set(bytes, end)
  end += bytes.length
}

export function letGo(emit: Emit): void {
  if (start === end) return
  const gathered = slab.subarray(start, end)
  start = end
  emit(gathered)
}

/** After a failure. */
export function discardGathered(): void {
  start = end
}
