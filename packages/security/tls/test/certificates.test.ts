import { der, extension, type Forgery, forgeCertificate } from '@peerloom/conformance/certificates'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { PeerloomError, type Secured } from '@peerloom/interface'
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { party, readSome } from './party.ts'
import { socketLink } from './sockets.ts'
import { stranger, type StrangerOptions } from './stranger.ts'

const identity = await generateKey()
const us = await party()
const dayMs = 86_400_000

/** What becomes of a handshake with somebody who sends words right behind it. */
async function meet(
  role: 'initiator' | 'responder',
  options: StrangerOptions,
  secure: { expected?: Parameters<typeof us.security.secure>[1]['expected'] } = {}
): Promise<Secured> {
  const { channels, sockets } = await socketLink()
  const theirs = stranger(sockets[1], role === 'initiator' ? 'responder' : 'initiator', options)
  theirs.once('secure', () => theirs.write('words'))
  try {
    return await us.security.secure(channels[0], { role, muxers: ['/yamux/1.0.0'], ...secure })
  } catch (error) {
    expect(channels[0].status).toBe('reset')
    expect(error).toBeInstanceOf(PeerloomError)
    throw error
  }
}

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const rsaPss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey

const accepted: [string, Forgery][] = [
  ['of P-256', {}],
  ['of P-384', { privateKey: ec('secp384r1'), scheme: 'ecdsa-sha384' }],
  ['of P-521', { privateKey: ec('secp521r1'), scheme: 'ecdsa-sha512' }],
  ['of Ed25519', { privateKey: generateKeyPairSync('ed25519').privateKey, scheme: 'ed25519' }],
  ['of RSA', { privateKey: rsa, scheme: 'rsa-sha256' }],
  ['of RSA, signed with PSS', { privateKey: rsa, scheme: 'rsa-pss-sha256' }],
  ['of RSA-PSS', { privateKey: rsaPss, scheme: 'rsa-pss-sha384' }],
  ['with the extension marked critical', { critical: true }],
  ['with an extension nobody knows', { extensions: [extension('2a0304', false, Buffer.of(1))] }],
  ['of a secp256k1 identity', { identity: await generateKey('secp256k1') }],
  ['of an ECDSA identity', { identity: await generateKey('ECDSA') }],
  ['of an RSA identity', { identity: await generateKey('RSA') }]
]

const refused: [string, Forgery][] = [
  ['that has expired', { notBefore: Date.now() - 2 * dayMs, notAfter: Date.now() - dayMs }],
  ['that is not valid yet', { notBefore: Date.now() + dayMs, notAfter: Date.now() + 2 * dayMs }],
  ['that another key signed', { signer: ec('prime256v1') }],
  ['without the extension', { identity: undefined }],
  ['with an unknown critical extension', { extensions: [extension('2a0304', true, Buffer.of(1))] }],
  ['whose identity signed nothing', { identitySignature: () => new Uint8Array(64) }],
  ['whose identity signed another key', { signedData: (data) => data.with(-1, (data.at(-1) as number) ^ 1) }],
  ['with somebody else’s identity', { identityKey: (await generateKey()).publicKey.protobuf }],
  ['with a unique id', { uniqueIds: der(0x81, Buffer.of(0, 1)) }],
  ['over 16 KiB', { extensions: [extension('2a0304', false, new Uint8Array(20_000))] }]
]

describe.each(['initiator', 'responder'] as const)('as %s', (role) => {
  test.each(accepted)('a certificate %s is taken', async (_name, forgery) => {
    const certificate = await forgeCertificate({ identity, ...forgery })
    const { channel, remotePeer } = await meet(role, { certificate })
    expect(remotePeer.equals(peerIdFromPrivateKey(forgery.identity ?? identity))).toBe(true)
    expect(await readSome(channel)).toBe('words')
  })

  test.each(refused)('a certificate %s is refused', async (_name, forgery) => {
    const certificate = await forgeCertificate({ identity, ...forgery })
    await expect(meet(role, { certificate })).rejects.toMatchObject({ code: 'ERR_SECURITY', remote: true })
  })

  test('two certificates are refused', async () => {
    const certificate = await forgeCertificate({ identity })
    const second = await forgeCertificate()
    await expect(meet(role, { certificate, cert: certificate.pem + second.pem })).rejects.toMatchObject({
      code: 'ERR_SECURITY',
      message: expect.stringContaining('more than one')
    })
  })

  test('another peer than the one that was dialled is refused, whatever was remembered', async () => {
    const certificate = await forgeCertificate({ identity })
    const expected = peerIdFromPrivateKey(identity)
    for (let round = 0; round < 2; round++) {
      await meet(role, { certificate }, { expected })
      await expect(meet(role, { certificate }, { expected: us.id })).rejects.toMatchObject({ code: 'ERR_WRONG_PEER' })
    }
  })

  test('TLS 1.2 is refused', async () => {
    const certificate = await forgeCertificate({ identity })
    const old = { certificate, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
    await expect(meet(role, old)).rejects.toMatchObject({ code: 'ERR_SECURITY' })
  })

  test('without ALPN, or with libp2p alone, the muxer is left to multistream', async () => {
    const certificate = await forgeCertificate({ identity })
    for (const alpn of [[], ['libp2p']]) expect(await meet(role, { certificate, alpn })).not.toHaveProperty('muxer')
    expect(await meet(role, { certificate, alpn: ['/yamux/1.0.0'] })).toMatchObject({ muxer: '/yamux/1.0.0' })
  })

  test('ALPN that has nothing in common with ours fails', async () => {
    const certificate = await forgeCertificate({ identity })
    await expect(meet(role, { certificate, alpn: ['h2', 'http/1.1'] })).rejects.toMatchObject({ code: 'ERR_SECURITY' })
  })
})

test('a client without a certificate is refused', async () => {
  await expect(meet('responder', {})).rejects.toMatchObject({ code: 'ERR_SECURITY', remote: true })
})

test('a certificate that was proved once still expires', async () => {
  const { channels, sockets } = await socketLink()
  const certificate = await forgeCertificate({ identity, notBefore: 0, notAfter: 2_000_000 })
  let now = 1_000_000
  const clock = { now: () => now, setTimeout: () => ({}), clearTimeout: () => {} }
  const keeper = await party({ clock })
  const meetAgain = async (link: Awaited<ReturnType<typeof socketLink>>): Promise<Secured> => {
    stranger(link.sockets[1], 'responder', { certificate })
    return keeper.security.secure(link.channels[0], { role: 'initiator', muxers: [] })
  }
  await meetAgain({ channels, sockets })
  await meetAgain(await socketLink())
  now = 3_000_000
  await expect(meetAgain(await socketLink())).rejects.toMatchObject({ code: 'ERR_SECURITY' })
})
