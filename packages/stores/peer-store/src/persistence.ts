import { parsePeerId } from '@peerloom/identity'
import { type Clock, PeerloomError, type Timer } from '@peerloom/interface'
import type { Datastore } from 'interface-datastore'
import type { Key } from 'interface-datastore/key'
import { nextTurn } from '@peerloom/streams'
import { decodePeer, encodePeer } from './codec.ts'
import type { PeerRecord } from './record.ts'
import type { SharedLists } from './shared-lists.ts'

const prefix = '/peers'
/** Peers that are encoded or decoded in one turn of the event loop, and written in one batch. */
const peersPerTurn = 64

export interface PersistenceOptions {
  readonly datastore: Datastore
  readonly clock: Clock
  /** How long changes are gathered before they are written, in ms. */
  readonly writeDelayMs: number
  readonly lists: SharedLists
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

  /**
   * Reads at most `max` peers; entries that do not decode, and those that are not taken, are deleted. Rejects with
   * ERR_STORE.
   */
  async load(max: number, take: (record: PeerRecord) => boolean): Promise<void> {
    const { datastore, lists } = this.#options
    const useless: Key[] = []
    let count = 0
    try {
      for await (const { key, value } of datastore.query({ prefix: `${prefix}/` })) {
        if (count >= max) break
        if (++count % peersPerTurn === 0) await turn()
        try {
          const id = parsePeerId(key.baseNamespace())
          if (take(decodePeer(id, value, lists))) this.#stored.add(id.toString())
          else useless.push(key)
        } catch {
          useless.push(key)
        }
      }
      for (const key of useless) await datastore.delete(key)
    } catch (cause) {
      throw new PeerloomError('ERR_STORE', 'the address book could not be read', { cause })
    }
  }

  /** In parts: nobody else waits while ten thousand peers are written. */
  async #write(): Promise<void> {
    const keys = [...this.#dirty]
    for (let at = 0; at < keys.length; at += peersPerTurn) {
      if (at > 0) await turn()
      await this.#writeSome(keys.slice(at, at + peersPerTurn))
    }
  }

  async #writeSome(keys: readonly string[]): Promise<void> {
    const { datastore, find } = this.#options
    // Loaded with the first write: a node without a datastore needs none of it.
    const { Key } = await import('interface-datastore/key')
    const batch = datastore.batch()
    const added: string[] = []
    const deleted: string[] = []
    try {
      for (const key of keys) {
        // What came and went since the write began is not dirty any more.
        if (!this.#dirty.delete(key)) continue
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
      await batch.commit()
      for (const key of deleted) if (!this.#dirty.has(key)) this.#stored.delete(key)
    } catch (cause) {
      for (const key of added) this.#stored.delete(key)
      for (const key of keys) if (find(key) !== undefined || this.#stored.has(key)) this.#dirty.add(key)
      throw new PeerloomError('ERR_STORE', 'the address book could not be written', { cause })
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => nextTurn(resolve))
