import type { KeyType, PrivateKey } from '@peerloom/interface'
import type { Datastore } from 'interface-datastore'
import type { GenerateOptions } from './algorithm.ts'
import { keychainError } from './keychain-format.ts'
import { checkKeyName, keychain, keychainPaths } from './keychain.ts'
import { keyStorage } from './key-storage.ts'
import { generateKey, privateKeyFromProtobuf } from './keys.ts'

export interface LoadKeyOptions extends GenerateOptions {
  /** What to make when there is none. Default Ed25519. */
  readonly type?: KeyType
  /** Keeps the key in the `keychain` of this datastore. Default: the key is stored as it is. */
  readonly password?: string
  /** Rounds of PBKDF2-SHA512 when the keychain is made; see `KeychainOptions`. */
  readonly iterations?: number
}

/** Calls for one key wait for each other: the second finds what the first has made. */
const loading = new WeakMap<Datastore, Promise<unknown>>()

/**
 * The key that a node is known by: made at the first call, the same at every later one. A key that was stored without a
 * password moves into the keychain when one is given; a key in the keychain is never passed over for want of the password.
 * A stored key that does not decode rejects (ERR_INVALID_KEY), it is not replaced.
 *
 * ```ts
 * const privateKey = await loadOrCreateKey(datastore, 'self')
 * ```
 */
export async function loadOrCreateKey(
  datastore: Datastore,
  name = 'self',
  options: LoadKeyOptions = {}
): Promise<PrivateKey> {
  checkKeyName(name)
  const before = loading.get(datastore) ?? Promise.resolve()
  const turn = before.then(() => (options.password === undefined ? plain : locked)(datastore, name, options))
  loading.set(
    datastore,
    turn.catch(() => {})
  )
  return turn
}

const plainPath = (name: string): string => `/identity/${name}`

async function plain(datastore: Datastore, name: string, options: LoadKeyOptions): Promise<PrivateKey> {
  const storage = keyStorage(datastore)
  const stored = await storage.get(plainPath(name))
  if (stored !== undefined) return privateKeyFromProtobuf(stored)
  if ((await storage.get(`${keychainPaths.keys}/${name}`)) !== undefined) {
    throw keychainError(`key ${name} is in the keychain: give its password`)
  }
  const key = await generateKey(options.type, options)
  await storage.put(plainPath(name), key.protobuf)
  return key
}

async function locked(datastore: Datastore, name: string, options: LoadKeyOptions): Promise<PrivateKey> {
  const { password = '', iterations } = options
  const keys = keychain({ datastore, password, ...(iterations === undefined ? {} : { iterations }) })
  if (await keys.has(name)) return keys.export(name)
  const storage = keyStorage(datastore)
  const stored = await storage.get(plainPath(name))
  const key = stored === undefined ? await generateKey(options.type, options) : await privateKeyFromProtobuf(stored)
  await keys.import(name, key)
  if (stored !== undefined) await storage.delete(plainPath(name))
  return key
}
