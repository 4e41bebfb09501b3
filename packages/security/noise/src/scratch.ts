import { maxPlainBytes } from './record.ts'

/** Buffers kept for the next turn, by all connections together. */
const maxFree = 16
const free: Uint8Array[] = []

/** A buffer for the small pieces of one record; give it back when the record is sealed. */
export function takeScratch(): Uint8Array {
  return free.pop() ?? new Uint8Array(maxPlainBytes)
}

export function giveScratch(scratch: Uint8Array): void {
  if (free.length < maxFree) free.push(scratch)
}

/** Small records are cut from slabs, which live until the last record in them has been written. */
const slabBytes = 64 * 1024
let slab = new Uint8Array(0)
let slabUsed = 0

/** Memory for one small record. */
export function takeRecord(bytes: number): Uint8Array {
  if (slabUsed + bytes > slab.length) {
    slab = new Uint8Array(slabBytes)
    slabUsed = 0
  }
  const record = slab.subarray(slabUsed, slabUsed + bytes)
  slabUsed += bytes
  return record
}
