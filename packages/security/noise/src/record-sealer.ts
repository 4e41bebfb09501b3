import { PeerloomError } from '@peerloom/interface'
import { type ChunkQueue, haveLeft, lastUse, ownBuffer } from '@peerloom/streams'
import type { RecordCipher } from './crypto-interface.ts'
import { discardGathered, type Emit, gather, letGo, startGathering } from './gather.ts'
import { Nonce } from './nonce.ts'
import { lengthBytes, maxPlainBytes, tagBytes } from './record.ts'

/** Pieces and outputs below this size are copied together; larger ones pass as they are. */
const copyBelowBytes = 8192

/** Where small pieces of plain text come together. One for all connections: sealing is synchronous. */
let scratch = new Uint8Array(0)
const head = new Uint8Array(lengthBytes)

/** Makes records of what waits in a queue, in few buffers and without copying large ones. */
export class RecordSealer {
  readonly #cipher: RecordCipher
  readonly #nonce: Nonce

  constructor(cipher: RecordCipher, nonce: Nonce = new Nonce()) {
    this.#cipher = cipher
    this.#nonce = nonce
  }

  /** One record of the next `size` bytes of the queue. Throws ERR_SECURITY when all nonces are used. */
  seal(queue: ChunkQueue, size: number, emit: Emit): void {
    try {
      const sealer = this.#cipher.sealer(this.#nonce.next(), size)
      const length = size + tagBytes
      startGathering(lengthBytes + Math.min(length, copyBelowBytes))
      head[0] = length >> 8
      head[1] = length & 0xff
      gather(head, emit)
      for (let left = size; left > 0;) {
        const plain = takePlain(queue, left)
        left -= plain.length
        put(sealer.push(plain), emit)
        haveLeft(plain)
      }
      put(sealer.finish(), emit)
      letGo(emit)
    } catch (error) {
      discardGathered()
      throw error
    }
  }
}

/** A large piece, or a run of small ones; at most `limit` bytes. */
function takePlain(queue: ChunkQueue, limit: number): Uint8Array {
  const first = queue.shift(limit)
  // What took the outputs so far may have reset the channel, and with it the queue.
  if (first === undefined) throw new PeerloomError('ERR_CHANNEL_RESET', 'the channel was reset')
  if (first.length >= copyBelowBytes || first.length === limit) return first
  if (scratch.length === 0) scratch = new Uint8Array(maxPlainBytes)
  scratch.set(first)
  let used = first.length
  haveLeft(first)
  while (used < limit) {
    const next = queue.shift(limit - used)
    if (next === undefined) break
    if (next.length >= copyBelowBytes) {
      queue.unshift(next)
      break
    }
    scratch.set(next, used)
    used += next.length
    haveLeft(next)
  }
  return scratch.subarray(0, used)
}

function put(sealed: Uint8Array | undefined, emit: Emit): void {
  if (sealed === undefined) return
  if (sealed.length < copyBelowBytes) {
    gather(sealed, emit)
  } else {
    letGo(emit)
    ownBuffer(sealed)
    emit(lastUse(sealed))
  }
}
