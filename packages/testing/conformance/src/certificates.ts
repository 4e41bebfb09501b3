import type { PrivateKey } from '@peerloom/interface'
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** Certificates as an attacker, or another implementation, might make them: right but for what is asked for. */
export interface Forgery {
  /** Whose identity goes into it; undefined leaves the extension out. */
  readonly identity?: PrivateKey | undefined
  /** The certificate's own key. Default: a new P-256 key. */
  readonly privateKey?: KeyObject
  /** Who signs the certificate. Default: its own key. */
  readonly signer?: KeyObject
  /** How it is signed. Default: `ecdsa-sha256`. */
  readonly scheme?: SignatureScheme
  /** Milliseconds since the epoch. Default: from yesterday to tomorrow. */
  readonly notBefore?: number
  readonly notAfter?: number
  /** Whether the libp2p extension is marked critical. Default false. */
  readonly critical?: boolean
  /** Extensions beside, each in DER. */
  readonly extensions?: readonly Uint8Array[]
  /** Changes what the identity signs. */
  readonly signedData?: (data: Uint8Array) => Uint8Array
  /** Changes the identity's signature. */
  readonly identitySignature?: (signature: Uint8Array) => Uint8Array
  /** What is inside the extension in the place of the identity's key. */
  readonly identityKey?: Uint8Array
  /** DER between subject public key and extensions. */
  readonly uniqueIds?: Uint8Array
}

export interface ForgedCertificate {
  readonly der: Uint8Array
  readonly pem: string
  readonly privateKey: KeyObject
  readonly privateKeyPem: string
}

export type SignatureScheme = `ecdsa-${Hash}` | `rsa-${Hash}` | `rsa-pss-${Hash}` | 'ed25519' | 'ed448'

type Hash = 'sha1' | 'sha256' | 'sha384' | 'sha512'

interface Algorithm {
  readonly id: Uint8Array
  readonly hash?: Hash
  readonly saltLength?: number
}

const peerExtension = '2b0601040183a25a0101'
const dayMs = 86_400_000

/** One value in DER. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = Buffer.concat(parts)
  const { length } = contents
  const head =
    length < 0x80
      ? [length]
      : length < 0x100
        ? [0x81, length]
        : length < 0x10000
          ? [0x82, length >> 8, length & 255]
          : []
  if (head.length === 0) throw new RangeError('no forgery needs that much')
  return new Uint8Array(Buffer.concat([Buffer.of(tag, ...head), contents]))
}

/** An X.509 extension. The object identifier is that of its contents, in hex. */
export function extension(objectId: string, critical: boolean, value: Uint8Array): Uint8Array {
  const flag = critical ? [der(0x01, Buffer.of(0xff))] : []
  return der(0x30, der(0x06, Buffer.from(objectId, 'hex')), ...flag, der(0x04, value))
}

const algorithmId = (objectId: string, ...parameters: readonly Uint8Array[]): Uint8Array =>
  der(0x30, der(0x06, Buffer.from(objectId, 'hex')), ...parameters)

const none = der(0x05)
const hashIds: Readonly<Record<Hash, string>> = {
  sha1: '2b0e03021a',
  sha256: '608648016503040201',
  sha384: '608648016503040202',
  sha512: '608648016503040203'
}

function pss(hash: Hash, saltLength: number): Uint8Array {
  const id = algorithmId(hashIds[hash], none)
  return algorithmId(
    '2a864886f70d01010a',
    der(
      0x30,
      der(0xa0, id),
      der(0xa1, algorithmId('2a864886f70d010108', id)),
      der(0xa2, der(0x02, Buffer.of(saltLength)))
    )
  )
}

const algorithms: Readonly<Record<SignatureScheme, Algorithm>> = {
  'ecdsa-sha1': { id: algorithmId('2a8648ce3d0401'), hash: 'sha1' },
  'ecdsa-sha256': { id: algorithmId('2a8648ce3d040302'), hash: 'sha256' },
  'ecdsa-sha384': { id: algorithmId('2a8648ce3d040303'), hash: 'sha384' },
  'ecdsa-sha512': { id: algorithmId('2a8648ce3d040304'), hash: 'sha512' },
  'rsa-sha1': { id: algorithmId('2a864886f70d010105', none), hash: 'sha1' },
  'rsa-sha256': { id: algorithmId('2a864886f70d01010b', none), hash: 'sha256' },
  'rsa-sha384': { id: algorithmId('2a864886f70d01010c', none), hash: 'sha384' },
  'rsa-sha512': { id: algorithmId('2a864886f70d01010d', none), hash: 'sha512' },
  'rsa-pss-sha1': { id: pss('sha1', 20), hash: 'sha1', saltLength: 20 },
  'rsa-pss-sha256': { id: pss('sha256', 32), hash: 'sha256', saltLength: 32 },
  'rsa-pss-sha384': { id: pss('sha384', 48), hash: 'sha384', saltLength: 48 },
  'rsa-pss-sha512': { id: pss('sha512', 64), hash: 'sha512', saltLength: 64 },
  ed25519: { id: algorithmId('2b6570') },
  ed448: { id: algorithmId('2b6571') }
}

const time = (ms: number): Uint8Array =>
  der(0x18, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`))

export async function forgeCertificate(forgery: Forgery = {}): Promise<ForgedCertificate> {
  const { privateKey = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey, identity } = forgery
  const { signer = privateKey, scheme = 'ecdsa-sha256' } = forgery
  const { notBefore = Date.now() - dayMs, notAfter = Date.now() + dayMs } = forgery
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }))
  const extensions = [...(forgery.extensions ?? [])]
  if (identity !== undefined) {
    const data = Buffer.concat([Buffer.from('libp2p-tls-handshake:'), publicKey])
    const signature = await identity.sign(forgery.signedData?.(data) ?? data)
    const key = der(0x04, forgery.identityKey ?? identity.publicKey.protobuf)
    const signedKey = der(0x30, key, der(0x04, forgery.identitySignature?.(signature) ?? signature))
    extensions.push(extension(peerExtension, forgery.critical === true, signedKey))
  }
  const algorithm = algorithms[scheme]
  const name = der(0x30)
  const signed = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(1, ...randomBytes(8))),
    algorithm.id,
    name,
    der(0x30, time(notBefore), time(notAfter)),
    name,
    publicKey,
    forgery.uniqueIds ?? new Uint8Array(0),
    ...(extensions.length > 0 ? [der(0xa3, der(0x30, ...extensions))] : [])
  )
  const { saltLength } = algorithm
  const padding = saltLength === undefined ? {} : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
  const signature = sign(algorithm.hash, signed, { key: signer, ...padding })
  const bytes = der(0x30, signed, algorithm.id, der(0x03, Buffer.of(0), signature))
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return {
    der: bytes,
    pem: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    privateKey,
    privateKeyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  }
}
