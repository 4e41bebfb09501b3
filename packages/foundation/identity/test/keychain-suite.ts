import { MemoryDatastore } from 'datastore-core'
import { Key } from 'interface-datastore/key'
import { expect, test } from 'vitest'
import { generateKey, peerIdFromPrivateKey, privateKeyFromProtobuf } from '@peerloom/identity'
import { keychain } from '@peerloom/identity/keychain'
import type { Keychain } from '@peerloom/identity/keychain'
import { loadOrCreateKey } from '@peerloom/identity/stored-key'
import type { KeyType } from '@peerloom/interface'
import { specKeys } from './fixtures/peer-ids-spec.ts'
import { fromHex, toHex } from './hex.ts'

const password = 'correct horse battery'
const iterations = 1000

const openIn = (datastore: MemoryDatastore, secret = password): Keychain =>
  keychain({ datastore, password: secret, iterations })

const failsWith = async (work: Promise<unknown>, message: RegExp): Promise<void> => {
  await expect(work).rejects.toMatchObject({ code: 'ERR_KEYCHAIN', message: expect.stringMatching(message) })
}

/** Behaviour that Node and browsers share. */
export function testKeychains(): void {
  test('keys of every type come back from the datastore', async () => {
    const datastore = new MemoryDatastore()
    for (const type of Object.keys(specKeys) as KeyType[]) {
      const key = await privateKeyFromProtobuf(fromHex(specKeys[type].private))
      await openIn(datastore).import(type, key)
      const again = await openIn(datastore).export(type)
      expect(toHex(again.protobuf)).toBe(toHex(key.protobuf))
    }
    const listed = await openIn(datastore).list()
    expect(listed.map((info) => `${info.name} ${info.type}`).toSorted()).toEqual(
      Object.keys(specKeys)
        .map((type) => `${type} ${type}`)
        .toSorted()
    )
  })

  test('no record holds a key or a name in the clear that it should not', async () => {
    const datastore = new MemoryDatastore()
    const key = await generateKey()
    await openIn(datastore).import('one', key)
    const stored: string[] = []
    for await (const { key: path, value } of datastore.query({})) stored.push(`${path.toString()} ${toHex(value)}`)
    expect(new Set(stored.map((line) => line.split(' ')[0]))).toEqual(
      new Set(['/keychain/keys/one', '/keychain/master'])
    )
    expect(stored.join('\n')).not.toContain(toHex(key.raw.subarray(0, 32)))
    expect(stored.join('\n')).not.toContain(toHex(key.publicKey.raw))
  })

  test('create, rename and remove keep to the names that are there', async () => {
    const keys = openIn(new MemoryDatastore())
    const made = await keys.create('one', 'secp256k1')
    expect(made).toMatchObject({ name: 'one', type: 'secp256k1' })
    await failsWith(keys.create('one'), /already named one/)
    await keys.create('two')
    await failsWith(keys.rename('one', 'two'), /already named two/)
    await failsWith(keys.rename('three', 'four'), /no key is named three/)
    const renamed = await keys.rename('one', 'three')
    expect(renamed.id.equals(made.id)).toBe(true)
    expect(await keys.has('one')).toBe(false)
    await failsWith(keys.export('one'), /no key is named one/)
    expect(peerIdFromPrivateKey(await keys.export('three')).equals(made.id)).toBe(true)
    await keys.remove('three')
    await failsWith(keys.remove('three'), /no key is named three/)
    expect((await keys.list()).map((info) => info.name)).toEqual(['two'])
    for (const name of ['', 'a/b', '../master', '.hidden', 'ä', 'x'.repeat(101)]) {
      await failsWith(keys.create(name), /cannot be the name/)
    }
  })

  test('of two calls that create the same name one wins', async () => {
    const keys = openIn(new MemoryDatastore())
    const outcomes = await Promise.allSettled([keys.create('one'), keys.create('one'), keys.create('two')])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  test('a wrong password is noticed by every call', async () => {
    const datastore = new MemoryDatastore()
    await openIn(datastore).create('one')
    const wrong = openIn(datastore, 'correct horse batterz')
    for (const call of [
      wrong.list(),
      wrong.export('one'),
      wrong.create('two'),
      wrong.has('one'),
      wrong.remove('one')
    ]) {
      await failsWith(call, /wrong password/)
    }
    expect(() => openIn(datastore, 'short')).toThrow('at least 8 characters')
    expect(() => keychain({ datastore, password, iterations: 10 })).toThrow('iterations must be')
  })

  test('a new password replaces the old one, and keys stay what they are', async () => {
    const datastore = new MemoryDatastore()
    const keys = openIn(datastore)
    const { id } = await keys.create('one')
    await keys.changePassword('another password')
    await failsWith(openIn(datastore).list(), /wrong password/)
    for (const open of [keys, openIn(datastore, 'another password')]) {
      expect(peerIdFromPrivateKey(await open.export('one')).equals(id)).toBe(true)
    }
  })

  test('records that were changed, exchanged or lost are noticed', async () => {
    const datastore = new MemoryDatastore()
    await openIn(datastore).create('one')
    await openIn(datastore).create('two')
    const path = new Key('/keychain/keys/one')
    const record = (await datastore.get(path)).slice()
    await datastore.put(path, await datastore.get(new Key('/keychain/keys/two')))
    await failsWith(openIn(datastore).export('one'), /damaged/)
    for (let index = 0; index < record.length; index++) {
      const tampered = record.slice()
      tampered[index] = (tampered[index] as number) ^ 0x10
      await datastore.put(path, tampered)
      await failsWith(openIn(datastore).export('one'), /damaged|version|decode/)
    }
    const master = new Key('/keychain/master')
    const kept = (await datastore.get(master)).slice()
    for (let index = 0; index < kept.length; index++) {
      const tampered = kept.slice()
      tampered[index] = (tampered[index] as number) ^ 0x40
      await datastore.put(master, tampered)
      await failsWith(openIn(datastore).list(), /damaged|version|decode|iterations/)
    }
    await datastore.delete(master)
    await failsWith(openIn(datastore).list(), /lost/)
  })

  test('a datastore that fails is reported as such, and may recover', async () => {
    const datastore = new MemoryDatastore()
    const keys = openIn(datastore)
    const get = datastore.get.bind(datastore)
    datastore.get = () => {
      throw new Error('disk on fire')
    }
    await expect(keys.list()).rejects.toMatchObject({ code: 'ERR_STORE' })
    datastore.get = get
    expect(await keys.list()).toEqual([])
  })

  test('a node keeps its key, also when it asks twice at once', async () => {
    const datastore = new MemoryDatastore()
    const [first, second] = await Promise.all([loadOrCreateKey(datastore), loadOrCreateKey(datastore, 'self')])
    const later = await loadOrCreateKey(datastore, 'self', { type: 'secp256k1' })
    for (const key of [second, later]) expect(key.publicKey.equals(first.publicKey)).toBe(true)
    expect((await loadOrCreateKey(datastore, 'other', { type: 'secp256k1' })).type).toBe('secp256k1')
  })

  test('the key of a node moves into the keychain with a password, and is not replaced without', async () => {
    const datastore = new MemoryDatastore()
    const first = await loadOrCreateKey(datastore)
    const locked = await loadOrCreateKey(datastore, 'self', { password, iterations })
    expect(locked.publicKey.equals(first.publicKey)).toBe(true)
    expect(await datastore.has(new Key('/identity/self'))).toBe(false)
    const again = await loadOrCreateKey(datastore, 'self', { password, iterations })
    expect(again.publicKey.equals(first.publicKey)).toBe(true)
    await failsWith(loadOrCreateKey(datastore), /give its password/)
    await failsWith(loadOrCreateKey(datastore, 'self', { password: 'not the password' }), /wrong password/)
  })

  test('a stored key that does not decode is neither used nor replaced', async () => {
    const datastore = new MemoryDatastore()
    const path = new Key('/identity/self')
    await datastore.put(path, Uint8Array.of(8, 1, 18, 0))
    await expect(loadOrCreateKey(datastore)).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' })
    expect(await datastore.get(path)).toEqual(Uint8Array.of(8, 1, 18, 0))
  })
}
