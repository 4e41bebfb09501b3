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
