/** Small pieces are cut from slabs of this size; larger ones are buffers of their own. */
const slabBytes = 64 * 1024
const smallBytes = 8 * 1024

let slab = new Uint8Array(0)
let used = 0

/** Room for `bytes`, laid so that words line up behind the first `lead` of them. */
export function roomFor(bytes: number, lead: number): Uint8Array {
  const shift = -lead & 3
  if (bytes > smallBytes) return new Uint8Array(bytes + shift).subarray(shift)
  if (used + bytes + shift > slab.length) {
    slab = new Uint8Array(slabBytes)
    used = 0
  }
  const start = used + shift
  // The next one begins at a word again.
  used = (start + bytes + 3) & ~3
  return slab.subarray(start, start + bytes)
}

/** What readers that keep nothing are given at a time. */
export const scratchBytes: number = 64 * 1024

let scratch: Uint8Array | undefined
let taken = false

/** Asks for the one buffer that all links share. False while somebody has it: readers may be called by readers. */
export function takeScratch(): boolean {
  if (taken) return false
  taken = true
  return true
}

export function scratchFor(bytes: number, lead: number): Uint8Array {
  scratch ??= new Uint8Array(scratchBytes + 4)
  const shift = -lead & 3
  return scratch.subarray(shift, shift + bytes)
}

export function giveScratchBack(): void {
  taken = false
}
