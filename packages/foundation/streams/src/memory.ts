/** Buffers below this are left to the collector, which is cheaper. */
const worthwhileBytes = 4096

/** How many bytes of a buffer somebody may still look at. */
const inUse: unique symbol = Symbol('in use')
/** Marks bytes that nobody looks at any more once they have left. */
const last: unique symbol = Symbol('last')

type Owned = ArrayBufferLike & { [inUse]?: number | undefined }
type Marked = Uint8Array & { [last]?: true }

/** ECMAScript 2024; without it, the collector does it all. */
interface Transferable {
  transfer?(newLength: number): ArrayBuffer
}

/**
 * For whoever made the buffer of these bytes, for them alone: as soon as all of it is done with, its memory is given back by
 * detaching it. Bulk that is merely dropped gathers until the next collection, so that every new buffer is cold memory.
 * Buffers that were not named here are left alone, and those that the bytes do not fill: they may be a pool. `isPart`: it is
 * known that this one is none.
 */
export function ownBuffer(bytes: Uint8Array, isPart = false): void {
  const buffer: Owned = bytes.buffer
  const { byteLength } = buffer
  if (byteLength >= worthwhileBytes && (isPart || bytes.length === byteLength)) buffer[inUse] ??= byteLength
}

/** Nobody looks at this many bytes more of a buffer any more. Each byte counts once. */
export function doneWith(buffer: Owned, bytes: number): void {
  const before = buffer[inUse]
  if (before === undefined || bytes === 0) return
  if (before > bytes) buffer[inUse] = before - bytes
  else {
    buffer[inUse] = undefined
    ;(buffer as Transferable).transfer?.(0)
  }
}

/** For whoever sends bytes that nobody else looks at: they are done with when they have left. */
export function lastUse<T extends Uint8Array>(bytes: T): T {
  if ((bytes.buffer as Owned)[inUse] !== undefined) (bytes as Marked)[last] = true
  return bytes
}

/** For whoever takes what is sent: these bytes were written to a socket, copied or sealed. */
export function haveLeft(bytes: Marked): void {
  if (bytes[last] === true) doneWith(bytes.buffer, bytes.length)
}

/** What `subarray` gives; its last use as well, if it is that of the whole. */
export function part(bytes: Marked, start: number, end: number): Uint8Array {
  const cut = bytes.subarray(start, end)
  return bytes[last] === true ? lastUse(cut) : cut
}
