import { parsePeerId } from '@peerloom/identity'
import { type Clock, PeerloomError, type Timer } from '@peerloom/interface'
import { type Datastore, Key } from 'interface-datastore'
import { decodePeer, encodePeer } from './codec.ts'
import type { PeerRecord } from './record.ts'

const prefix = '/peers'

export interface PersistenceOptions {
  readonly datastore: Datastore
  readonly clock: Clock
  /** How long changes are gathered before they are written, in ms. */
  readonly writeDelayMs: number
  /** The peer as it is now; undefined when it was deleted. */
  readonly find: (key: string) => PeerRecord | undefined
}

/** Writes changed peers behind the store's back, many at once; a failure is tried again with the next change. */
export class Persistence {
  readonly #options: PersistenceOptions
  readonly #dirty = new Set<string>()
  /** Peers that the datastore has an entry of: only these need deleting. */
  readonly #stored = new Set<string>()
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: PersistenceOptions) {
    this.#options = options
  }

  /** The peer's entry in the datastore is out of date. */
  touch(key: string): void {
    const { clock, writeDelayMs, find } = this.#options
    if (find(key) === undefined && !this.#stored.has(key)) {
      // Came and went between two writes, or while the datastore fails.
      this.#dirty.delete(key)
      return
    }
    this.#dirty.add(key)
    this.#timer ??= clock.setTimeout(() => {
      this.#timer = undefined
      // What failed stays dirty; `flush` reports it.
      this.flush().catch(() => {})
    }, writeDelayMs)
  }

  /** Writes what is out of date. Rejects with ERR_STORE; nothing is lost in memory. */
  flush(): Promise<void> {
    this.#options.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    const writing = this.#writing.then(() => this.#write())
    this.#writing = writing.catch(() => {})
    return writing
  }

  /** Reads at most `max` peers; entries that do not decode are deleted. Rejects with ERR_STORE. */
  async load(max: number, take: (record: PeerRecord) => void): Promise<void> {
    const { datastore } = this.#options
    const broken: Key[] = []
    let count = 0
    try {
      for await (const { key, value } of datastore.query({ prefix: `${prefix}/` })) {
        if (count >= max) break
        try {
          const id = parsePeerId(key.baseNamespace())
          const record = decodePeer(id, value)
          this.#stored.add(id.toString())
          take(record)
          count++
        } catch {
          broken.push(key)
        }
      }
      for (const key of broken) await datastore.delete(key)
    } catch (cause) {
      throw new PeerloomError('ERR_STORE', 'the address book could not be read', { cause })
    }
  }

  async #write(): Promise<void> {
    const { datastore, find } = this.#options
    const keys = [...this.#dirty]
    if (keys.length === 0) return
    this.#dirty.clear()
    const batch = datastore.batch()
    const added: string[] = []
    const deleted: string[] = []
    for (const key of keys) {
      const record = find(key)
      if (record === undefined) {
        batch.delete(new Key(`${prefix}/${key}`))
        deleted.push(key)
        continue
      }
      batch.put(new Key(`${prefix}/${key}`), encodePeer(record))
      if (this.#stored.has(key)) continue
      // From now on: it may be deleted while this is being written.
      this.#stored.add(key)
      added.push(key)
    }
    try {
      await batch.commit()
      for (const key of deleted) if (!this.#dirty.has(key)) this.#stored.delete(key)
    } catch (cause) {
      for (const key of added) this.#stored.delete(key)
      for (const key of keys) if (find(key) !== undefined || this.#stored.has(key)) this.#dirty.add(key)
      throw new PeerloomError('ERR_STORE', 'the address book could not be written', { cause })
    }
  }
}
