import { type Clock, type PeerId, PeerloomError } from '@peerloom/interface'
import type { Datastore } from 'interface-datastore'
import type { Key } from 'interface-datastore/key'

/** Numbers that a start sets aside: it is nanoseconds of a minute, and more messages than a run can send. */
const reserved = 60_000_000_000n
const largest = 0xffff_ffff_ffff_ffffn

/**
 * Sequence numbers that only grow, across restarts too: validators of others take nothing that is not newer. They start from
 * the time in nanoseconds, as in go-libp2p, and over what the storage remembers when the clock was set back.
 */
export class SequenceNumbers {
  readonly #clock: Clock
  readonly #storage: Datastore | undefined
  readonly #path: string
  #next: bigint

  constructor(clock: Clock, self: PeerId, storage?: Datastore) {
    this.#clock = clock
    this.#storage = storage
    this.#path = `/pubsub/seqno/${self.toString()}`
    this.#next = this.#now()
  }

  /** Reads what the storage remembers. Rejects with ERR_STORE. */
  async load(): Promise<void> {
    const now = this.#now()
    if (now > this.#next) this.#next = now
    const storage = this.#storage
    if (storage === undefined) return
    const { Key: StorageKey } = await import('interface-datastore/key')
    const key = new StorageKey(this.#path)
    try {
      const kept = await get(storage, key)
      if (kept?.length === 8) {
        const floor = new DataView(kept.buffer, kept.byteOffset, 8).getBigUint64(0)
        if (floor > this.#next && floor < largest - reserved) this.#next = floor
      }
      await storage.put(key, bytesOf(this.#next + reserved))
    } catch (cause) {
      throw new PeerloomError('ERR_STORE', 'pubsub: the last sequence number cannot be read or kept', { cause })
    }
  }

  /** The next one, as it is on the wire: 8 bytes, big-endian. */
  next(): Uint8Array {
    return bytesOf(this.#next++)
  }

  #now(): bigint {
    return BigInt(Math.floor(this.#clock.now())) * 1_000_000n
  }
}

async function get(storage: Datastore, key: Key): Promise<Uint8Array | undefined> {
  try {
    return await storage.get(key)
  } catch (error) {
    if (error instanceof Error && error.name === 'NotFoundError') return undefined
    throw error
  }
}

function bytesOf(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}
