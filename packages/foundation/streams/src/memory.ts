/** Buffers below this are left to the collector, which is cheaper. */
const worthwhileBytes = 4096

/** What is left of a buffer before its memory can be given back. */
const left: unique symbol = Symbol('left')
/** Marks bytes that nobody looks at once they are written. */
const last: unique symbol = Symbol('last')

interface Account {
  [left]?: number
}

/** ECMAScript 2024; without it, the collector does it all. */
interface Transferable {
  transfer?(newLength: number): ArrayBuffer
}

/**
 * For whoever made a buffer: nobody looks at `bytes` more of it any more. With the last of them its memory is given back, by
 * detaching it. Bulk that is merely dropped gathers until the next collection, so that every new buffer is cold memory.
 * A buffer that was never named here is left alone by everything else in here.
 */
export function doneWith(buffer: ArrayBufferLike & Account, bytes: number): void {
  if (buffer.byteLength < worthwhileBytes) return
  const rest = (buffer[left] ?? buffer.byteLength) - bytes
  if (rest > 0) buffer[left] = rest
  else (buffer as Transferable).transfer?.(0)
}

/** For whoever sends bytes that nobody else looks at, and will not look at them again: a socket that has written them is done with them. */
export function lastUse<T extends Uint8Array>(bytes: T): T {
  if (bytes.buffer.byteLength >= worthwhileBytes) (bytes as Marked)[last] = true
  return bytes
}

interface Marked {
  [last]?: true
}

/** What `subarray` gives, for its last use as well if the whole is. */
export function part(bytes: Uint8Array & Marked, start: number, end: number): Uint8Array {
  const cut = bytes.subarray(start, end)
  return bytes[last] === true ? lastUse(cut) : cut
}

/** For sockets: these bytes have left. */
export function written(bytes: Uint8Array & Marked): void {
  if (bytes[last] === true && (bytes.buffer as Account)[left] !== undefined) doneWith(bytes.buffer, bytes.length)
}
