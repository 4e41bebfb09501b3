import { PeerloomError } from '@peerloom/interface'
import type { KeyType, PeerId, PrivateKey } from '@peerloom/interface'
import type { Datastore } from 'interface-datastore'
import type { GenerateOptions } from './algorithm.ts'
import * as format from './keychain-format.ts'
import { keychainError } from './keychain-format.ts'
import type { MasterKey, StoredKey } from './keychain-format.ts'
import { keyStorage } from './key-storage.ts'
import type { KeyStorage } from './key-storage.ts'
import { generateKey } from './keys.ts'
import { peerIdFromPublicKey } from './peer-id.ts'

export interface KeychainOptions {
  readonly datastore: Datastore
  /** At least 8 characters. */
  readonly password: string
  /** Rounds of PBKDF2-SHA512 for a new keychain or password, 1000 to 10,000,000. Default 210,000: about 0.1 s. */
  readonly iterations?: number
}

export interface KeyInfo {
  readonly name: string
  readonly type: KeyType
  readonly id: PeerId
}

/**
 * Keys under one password. Everything rejects with ERR_KEYCHAIN for a wrong password, an unknown or taken name, a damaged
 * record; with ERR_STORE when the datastore fails. Names are 1 to 100 of `a-z A-Z 0-9 . _ -`, the first a letter or digit.
 */
export interface Keychain {
  create(name: string, type?: KeyType, options?: GenerateOptions): Promise<KeyInfo>
  import(name: string, key: PrivateKey): Promise<KeyInfo>
  export(name: string): Promise<PrivateKey>
  has(name: string): Promise<boolean>
  list(): Promise<KeyInfo[]>
  rename(from: string, to: string): Promise<KeyInfo>
  remove(name: string): Promise<void>
  /** Takes effect at once and as a whole. Whoever has both an old copy of the datastore and the old password keeps access. */
  changePassword(password: string): Promise<void>
}

export const keychainPaths = { master: '/keychain/master', keys: '/keychain/keys' } as const
const shortestPassword = 8
const wellFormedName = /^[a-z0-9][a-z0-9._-]{0,99}$/i

const pathOf = (name: string): string => `${keychainPaths.keys}/${name}`

export function checkKeyName(name: string): void {
  if (!wellFormedName.test(name)) throw keychainError(`${JSON.stringify(name)} cannot be the name of a key`)
}

/**
 * Keeps keys in a datastore, encrypted under a password. The password is checked by the first call that needs it.
 *
 * ```ts
 * const keys = keychain({ datastore, password })
 * await keys.create('publisher')
 * const key = await keys.export('publisher')
 * ```
 */
export function keychain(options: KeychainOptions): Keychain {
  return new DatastoreKeychain(options)
}

class DatastoreKeychain implements Keychain {
  readonly #storage: KeyStorage
  readonly #iterations: number
  #password: string
  #master: Promise<MasterKey> | undefined
  /** Changes go one after the other: each looks before it writes. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: KeychainOptions) {
    const { least, most, standard } = format.iterationBounds
    this.#iterations = options.iterations ?? standard
    if (!(this.#iterations >= least && this.#iterations <= most)) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `iterations must be ${least} to ${most}`)
    }
    checkPassword(options.password)
    this.#storage = keyStorage(options.datastore)
    this.#password = options.password
  }

  async create(name: string, type?: KeyType, options?: GenerateOptions): Promise<KeyInfo> {
    return this.#change(async (master) => {
      await this.#expectFree(name)
      return this.#store(master, name, await generateKey(type, options))
    })
  }

  async import(name: string, key: PrivateKey): Promise<KeyInfo> {
    return this.#change(async (master) => {
      await this.#expectFree(name)
      return this.#store(master, name, key)
    })
  }

  async export(name: string): Promise<PrivateKey> {
    return format.decodeStored(await this.#find(await this.#unlock(), name))
  }

  async has(name: string): Promise<boolean> {
    await this.#unlock()
    return (await this.#record(name)) !== undefined
  }

  async list(): Promise<KeyInfo[]> {
    const master = await this.#unlock()
    const records = await this.#storage.list(keychainPaths.keys)
    return Promise.all(
      records.map(async ({ name, value }) => describe(name, await format.openKey(master, name, value)))
    )
  }

  async rename(from: string, to: string): Promise<KeyInfo> {
    return this.#change(async (master) => {
      const stored = await this.#find(master, from)
      await this.#expectFree(to)
      const record = await format.sealKey(master, to, await format.decodeStored(stored))
      await this.#storage.move(pathOf(from), pathOf(to), record)
      return describe(to, stored)
    })
  }

  async remove(name: string): Promise<void> {
    await this.#change(async (master) => {
      await this.#find(master, name)
      await this.#storage.delete(pathOf(name))
    })
  }

  async changePassword(password: string): Promise<void> {
    checkPassword(password)
    await this.#change(async (master) => {
      await this.#storage.put(keychainPaths.master, await format.sealMaster(master, password, this.#iterations))
      this.#password = password
    })
  }

  async #change<T>(work: (master: MasterKey) => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => work(await this.#unlock()))
    this.#last = turn.catch(() => {})
    return turn
  }

  /** Once; again after a failure. */
  async #unlock(): Promise<MasterKey> {
    this.#master ??= this.#loadMaster()
    try {
      return await this.#master
    } catch (error) {
      this.#master = undefined
      throw error
    }
  }

  async #loadMaster(): Promise<MasterKey> {
    const record = await this.#storage.get(keychainPaths.master)
    if (record !== undefined) return format.openMaster(record, this.#password)
    if ((await this.#storage.list(keychainPaths.keys)).length > 0) throw keychainError('the master record is lost')
    const master = await format.newMasterKey()
    await this.#storage.put(keychainPaths.master, await format.sealMaster(master, this.#password, this.#iterations))
    return master
  }

  async #store(master: MasterKey, name: string, key: PrivateKey): Promise<KeyInfo> {
    await this.#storage.put(pathOf(name), await format.sealKey(master, name, key))
    return describe(name, key)
  }

  async #record(name: string): Promise<Uint8Array | undefined> {
    checkKeyName(name)
    return this.#storage.get(pathOf(name))
  }

  async #find(master: MasterKey, name: string): Promise<StoredKey> {
    const record = await this.#record(name)
    if (record === undefined) throw keychainError(`no key is named ${name}`)
    return format.openKey(master, name, record)
  }

  async #expectFree(name: string): Promise<void> {
    if ((await this.#record(name)) !== undefined) throw keychainError(`a key is already named ${name}`)
  }
}

function describe(name: string, key: Pick<PrivateKey, 'publicKey'>): KeyInfo {
  return { name, type: key.publicKey.type, id: peerIdFromPublicKey(key.publicKey) }
}

function checkPassword(password: string): void {
  if (password.length >= shortestPassword) return
  throw new PeerloomError('ERR_INVALID_ARGUMENT', `a keychain password has at least ${shortestPassword} characters`)
}
