import { generateKeyPairSync, sign } from 'node:crypto'

/** Contents of the DER objects used here, as hex. */
const oid = { ecdsaWithSha256: '2a8648ce3d040302', commonName: '550403', subjectAltName: '551d11' } as const
const tag = { integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, utcTime: 23, sequence: 0x30, set: 0x31 } as const
const hourMs = 3_600_000

/**
 * A self-signed certificate (RFC 5280) for 127.0.0.1 and localhost, valid for a day, in PEM. It is no authority, so that
 * rustls takes it as an end entity when it is trusted.
 */
export function selfSigned(): { readonly certificate: string; readonly key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(object(oid.ecdsaWithSha256))
  const name = sequence(der(tag.set, sequence(object(oid.commonName), der(tag.utf8, Buffer.from('127.0.0.1')))))
  const validity = sequence(utcTime(Date.now() - hourMs), utcTime(Date.now() + 24 * hourMs))
  const names = sequence(der(0x87, Buffer.of(127, 0, 0, 1)), der(0x82, Buffer.from('localhost')))
  const extension = sequence(object(oid.subjectAltName), der(tag.octets, names))
  const content = sequence(
    der(0xa0, der(tag.integer, Buffer.of(2))), // version 3
    der(tag.integer, Buffer.from(Date.now().toString(16).padStart(12, '0'), 'hex')),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension))
  )
  const signature = sign('sha256', content, privateKey)
  const certificate = sequence(content, algorithm, der(tag.bits, Buffer.of(0), signature))
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  }
}

function der(type: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const bytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.of(type, ...bytes), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(tag.sequence, ...parts)
}

function object(hex: string): Buffer {
  return der(tag.oid, Buffer.from(hex, 'hex'))
}

function utcTime(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replaceAll(/[-:T]|\..*/g, '')
  return der(tag.utcTime, Buffer.from(`${digits.slice(2)}Z`))
}
