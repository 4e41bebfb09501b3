import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { PeerloomError, systemRandom } from '@peerloom/interface'
import type { PrivateKey, PublicKey } from '@peerloom/interface'
import { privateKeyFromProtobuf, publicKeyFromProtobuf } from './keys.ts'
import { owned, subtle } from './web-crypto.ts'

/**
 * The stored form, version 1. Both records are protobufs.
 *
 * The master record: 1 version, 2 salt, 3 iterations, 4 nonce, 5 box. The password, through PBKDF2-HMAC-SHA512 with salt
 * and iterations, gives the key of the box (AES-256-GCM, additional data `peerloom keychain 1`), which holds 32 random
 * bytes: the master key. A new password rewrites this one record.
 *
 * A key record: 1 version, 4 nonce, 5 box. The master key opens the box (additional data `peerloom keychain 1 key `
 * and the name, so that records cannot change places); inside are 1 the private and 2 the public key, as the protobufs of
 * the peer-ids specification.
 *
 * PBKDF2 and not scrypt: it is in WebCrypto, so that Node and browsers share one native implementation off the main
 * thread, where scrypt in JavaScript would allow an attacker far more guesses for the same wait.
 */
const version = 1
const label = `peerloom keychain ${version}`

export const iterationBounds = { least: 1000, most: 10_000_000, standard: 210_000 } as const

const nonceBytes = 12
const saltBytes = 16
const masterKeyBytes = 32

const utf8 = new TextEncoder()

export const keychainError = (message: string, cause?: unknown): PeerloomError =>
  new PeerloomError('ERR_KEYCHAIN', message, { cause })

export interface MasterKey {
  readonly bytes: Uint8Array
  readonly key: CryptoKey
}

export interface StoredKey {
  readonly privateKey: Uint8Array
  readonly publicKey: PublicKey
}

interface Fields {
  readonly salt: Uint8Array
  readonly iterations: number
  readonly nonce: Uint8Array
  readonly box: Uint8Array
}

export async function newMasterKey(): Promise<MasterKey> {
  return masterKey(systemRandom(masterKeyBytes))
}

export async function sealMaster(master: MasterKey, password: string, iterations: number): Promise<Uint8Array> {
  const salt = systemRandom(saltBytes)
  const { nonce, box } = await seal(await passwordKey(password, salt, iterations), label, master.bytes)
  return new ProtobufWriter()
    .uint64(1, version)
    .bytes(2, salt)
    .uint64(3, iterations)
    .bytes(4, nonce)
    .bytes(5, box)
    .finish()
}

export async function openMaster(record: Uint8Array, password: string): Promise<MasterKey> {
  const fields = decode(record)
  const { iterations } = fields
  if (fields.salt.length < saltBytes || iterations < iterationBounds.least || iterations > iterationBounds.most) {
    throw keychainError(`keychain asks for ${iterations} iterations and a salt of ${fields.salt.length} bytes`)
  }
  const key = await passwordKey(password, fields.salt, iterations)
  const bytes = await open(key, label, fields, 'wrong password, or the keychain is damaged')
  return masterKey(bytes)
}

export async function sealKey(master: MasterKey, name: string, key: PrivateKey): Promise<Uint8Array> {
  const inside = new ProtobufWriter().bytes(1, key.protobuf).bytes(2, key.publicKey.protobuf).finish()
  const { nonce, box } = await seal(master.key, `${label} key ${name}`, inside)
  return new ProtobufWriter().uint64(1, version).bytes(4, nonce).bytes(5, box).finish()
}

export async function openKey(master: MasterKey, name: string, record: Uint8Array): Promise<StoredKey> {
  const inside = await open(master.key, `${label} key ${name}`, decode(record), `key ${name} is damaged`)
  let privateKey = new Uint8Array(0)
  let publicKey = new Uint8Array(0)
  const reader = new ProtobufReader(inside)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) privateKey = owned(reader.bytes())
    else if (field === 2) publicKey = owned(reader.bytes())
    else reader.skip()
  }
  return { privateKey, publicKey: publicKeyFromProtobuf(publicKey) }
}

export const decodeStored = (stored: StoredKey): Promise<PrivateKey> => privateKeyFromProtobuf(stored.privateKey)

async function masterKey(bytes: Uint8Array): Promise<MasterKey> {
  return { bytes, key: await subtle().importKey('raw', owned(bytes), 'AES-GCM', false, ['encrypt', 'decrypt']) }
}

async function passwordKey(password: string, salt: Uint8Array, iterations: number): Promise<CryptoKey> {
  // NFKC, so that the same password typed on another system is the same bytes.
  const secret = utf8.encode(password.normalize('NFKC'))
  const base = await subtle().importKey('raw', secret, 'PBKDF2', false, ['deriveKey'])
  const derivation = { name: 'PBKDF2', hash: 'SHA-512', salt: owned(salt), iterations }
  return subtle().deriveKey(derivation, base, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

const gcm = (nonce: Uint8Array, about: string): AesGcmParams => ({
  name: 'AES-GCM',
  iv: owned(nonce),
  additionalData: utf8.encode(about)
})

async function seal(key: CryptoKey, about: string, content: Uint8Array): Promise<Pick<Fields, 'nonce' | 'box'>> {
  const nonce = systemRandom(nonceBytes)
  return { nonce, box: new Uint8Array(await subtle().encrypt(gcm(nonce, about), key, owned(content))) }
}

async function open(key: CryptoKey, about: string, fields: Fields, failure: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await subtle().decrypt(gcm(fields.nonce, about), key, owned(fields.box)))
  } catch (cause) {
    throw keychainError(failure, cause)
  }
}

function decode(record: Uint8Array): Fields {
  let found = 0
  let iterations = 0
  const parts: Uint8Array[] = []
  try {
    const reader = new ProtobufReader(record)
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) found = reader.uint32()
      else if (field === 3) iterations = reader.uint32()
      else if (field === 2 || field === 4 || field === 5) parts[field] = reader.bytes()
      else reader.skip()
    }
  } catch (cause) {
    throw keychainError('keychain record does not decode', cause)
  }
  if (found !== version) throw keychainError(`keychain record of version ${found}, expected ${version}`)
  const [salt, nonce, box] = [parts[2], parts[4], parts[5]].map((part) => part ?? new Uint8Array(0))
  return { salt, iterations, nonce, box } as Fields
}
