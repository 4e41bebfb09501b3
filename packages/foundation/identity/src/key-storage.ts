import { PeerloomError } from '@peerloom/interface'
import type { Datastore } from 'interface-datastore'
import type { Key } from 'interface-datastore/key'

/** What keys need of a datastore. Everything it throws becomes ERR_STORE. */
export interface KeyStorage {
  get(path: string): Promise<Uint8Array | undefined>
  put(path: string, value: Uint8Array): Promise<void>
  delete(path: string): Promise<void>
  /** Both or neither, as far as the datastore's batches go. */
  move(from: string, to: string, value: Uint8Array): Promise<void>
  /** The last segments of the paths below this one, with their values. */
  list(path: string): Promise<{ name: string; value: Uint8Array }[]>
}

export function keyStorage(datastore: Datastore): KeyStorage {
  return {
    get: (path) =>
      attempt(async () => {
        try {
          return await datastore.get(await keyOf(path))
        } catch (error) {
          if (error instanceof Error && error.name === 'NotFoundError') return undefined
          throw error
        }
      }),
    put: (path, value) =>
      attempt(async () => {
        await datastore.put(await keyOf(path), value)
      }),
    delete: (path) =>
      attempt(async () => {
        await datastore.delete(await keyOf(path))
      }),
    move: (from, to, value) =>
      attempt(async () => {
        const batch = datastore.batch()
        batch.put(await keyOf(to), value)
        batch.delete(await keyOf(from))
        await batch.commit()
      }),
    list: (path) =>
      attempt(async () => {
        const found: { name: string; value: Uint8Array }[] = []
        for await (const { key, value } of datastore.query({ prefix: `${path}/` })) {
          found.push({ name: key.toString().slice(path.length + 1), value })
        }
        return found
      })
  }
}

/** Loaded when it is first needed. */
async function keyOf(path: string): Promise<Key> {
  const { Key } = await import('interface-datastore/key')
  return new Key(path)
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new PeerloomError('ERR_STORE', 'the datastore of the keys failed', { cause })
  }
}
