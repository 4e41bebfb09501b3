import { BoundedMap, ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { openPeerRecord } from '@peerloom/identity'
import { type Clock, type Log, PeerloomError, type PeerId, type Timer } from '@peerloom/interface'
import type { Datastore } from 'interface-datastore'
import { type Entry, entryOf } from './target.ts'

/**
 * How the peers are kept, oldest first: our own format, version 1. Records are verified when they are read, so a
 * datastore that others write to cannot bring in addresses that their peers did not sign.
 *
 * message Remembered { uint32 version = 1; repeated bytes signedRecord = 2; }
 */
const version = 1
const storageKey = '/bootstrap/peers'
/** Records over this are not kept, and not read. */
const maxRecordBytes = 8192
const maxAddresses = 16
const writeDelayMs = 5000
/** Bound on one call of the datastore. */
const storageTimeoutMs = 5000

export interface MemoryOptions {
  readonly storage: Datastore
  readonly clock: Clock
  readonly log: Log
  readonly maxPeers: number
}

export interface Remembered {
  readonly entry: Entry
  readonly signedRecord: Uint8Array
}

/** The peers that were reached last, by their signed records, in the node's datastore. */
export class Memory {
  readonly #options: MemoryOptions
  readonly #records: BoundedMap<string, Uint8Array>
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: MemoryOptions) {
    this.#options = options
    this.#records = new BoundedMap({ maxEntries: options.maxPeers })
  }

  /** Those of last time. Resolves to none when the datastore fails. */
  async load(): Promise<Remembered[]> {
    const stored = await this.#bounded('reading', async (signal) => {
      const { Key } = await import('interface-datastore/key')
      const key = new Key(storageKey)
      return (await this.#options.storage.has(key, { signal })) ? this.#options.storage.get(key, { signal }) : undefined
    })
    const found: Remembered[] = []
    const fresh = [...this.#records]
    for (const signedRecord of stored === undefined ? [] : this.#decode(stored)) {
      const opened = await openPeerRecord(signedRecord, { maxBytes: maxRecordBytes }).catch(() => undefined)
      if (opened === undefined || opened.addresses.length === 0) continue
      found.push({ entry: entryOf(opened.peerId, opened.addresses.slice(0, maxAddresses)), signedRecord })
      this.#records.set(opened.peerId.toString(), signedRecord)
    }
    // What was learned meanwhile is newer.
    for (const [key, record] of fresh) this.#records.set(key, record)
    return found
  }

  remember(peer: PeerId, signedRecord: Uint8Array): void {
    if (signedRecord.length > maxRecordBytes) return
    this.#records.set(peer.toString(), signedRecord)
    this.#timer ??= this.#options.clock.setTimeout(() => void this.flush(), writeDelayMs)
  }

  /** Writes what is new. Never rejects: next time begins with the list alone. */
  flush(): Promise<void> {
    if (this.#timer === undefined) return this.#writing
    this.#options.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const writer = new ProtobufWriter().uint64(1, version)
    for (const record of this.#records.values()) writer.bytes(2, record)
    await this.#bounded('writing', async (signal) => {
      const { Key } = await import('interface-datastore/key')
      await this.#options.storage.put(new Key(storageKey), writer.finish(), { signal })
    })
  }

  #decode(bytes: Uint8Array): Uint8Array[] {
    const records: Uint8Array[] = []
    try {
      const reader = new ProtobufReader(bytes)
      let seen = 0
      for (let field = reader.next(); field !== 0; field = reader.next()) {
        if (field === 1) seen = reader.uint32()
        else if (field === 2) records.push(reader.bytes().slice())
        else reader.skip()
      }
      return seen === version ? records.slice(-this.#options.maxPeers) : []
    } catch (error) {
      this.#options.log.error('what was remembered cannot be read', error)
      return []
    }
  }

  /** Undefined when it failed or took too long, which is logged. */
  async #bounded<T>(what: string, use: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const { clock, log } = this.#options
    const bound = new AbortController()
    const late = new PeerloomError('ERR_TIMEOUT', `${what} ${storageKey} took over ${storageTimeoutMs} ms`)
    let timer: Timer | undefined
    try {
      return await Promise.race([
        use(bound.signal),
        new Promise<never>((_, reject) => {
          timer = clock.setTimeout(() => {
            bound.abort(late)
            reject(late)
          }, storageTimeoutMs)
        })
      ])
    } catch (error) {
      log.error('%s remembered peers failed', what, error)
      return undefined
    } finally {
      clock.clearTimeout(timer)
    }
  }
}
