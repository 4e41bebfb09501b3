import { ProtobufWriter } from '@peerloom/bounded'
import { ManualClock } from '@peerloom/conformance'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { type Channel, type Clock, type PrivateKey, type SecureTransport, systemClock } from '@peerloom/interface'
import { plaintext, type PlaintextOptions } from '@peerloom/plaintext'
import { byteReader, channelPair } from '@peerloom/streams'
import { expect, test } from 'vitest'

interface Party {
  readonly key: PrivateKey
  readonly id: ReturnType<typeof peerIdFromPrivateKey>
  readonly transport: SecureTransport
}

async function party(
  type: 'Ed25519' | 'secp256k1' | 'ECDSA' | 'RSA' = 'Ed25519',
  options?: PlaintextOptions,
  clock: Clock = systemClock
): Promise<Party> {
  const key = await generateKey(type)
  const id = peerIdFromPrivateKey(key)
  return { key, id, transport: plaintext(options)({ peerId: id, publicKey: key.publicKey, clock } as never) }
}

/** An Exchange by hand, behind its length. */
function exchange(id: Uint8Array | undefined, key: Uint8Array | undefined, extra = new Uint8Array(0)): Uint8Array {
  const writer = new ProtobufWriter()
  if (id !== undefined) writer.bytes(1, id)
  if (key !== undefined) writer.bytes(2, key)
  return framed(Buffer.concat([writer.finish(), extra]))
}

function framed(body: Uint8Array, claimed: number = body.length): Uint8Array {
  const length = claimed < 128 ? [claimed] : [(claimed & 0x7f) | 0x80, claimed >>> 7]
  return Buffer.concat([Buffer.from(length), body])
}

/** One side against bytes by hand: what it makes of them. */
async function answered(bytes: Uint8Array, expected?: Party): Promise<{ outcome: Promise<unknown>; near: Channel }> {
  const { transport } = await party()
  const [near, far] = channelPair()
  const outcome = transport.secure(near, {
    role: 'initiator',
    muxers: [],
    ...(expected === undefined ? {} : { expected: expected.id })
  })
  outcome.catch(() => {})
  far.send(bytes)
  return { outcome, near }
}

test('what crosses the link is the exchange of the specification, then the bytes as they are', async () => {
  const one = await party()
  const two = await party()
  const [near, far] = channelPair()
  const securing = one.transport.secure(near, { role: 'initiator', muxers: ['/yamux/1.0.0'], expected: two.id })
  const reader = byteReader(far)
  const hello = exchange(one.id.bytes, one.key.publicKey.protobuf)
  expect(Buffer.from(await reader.read(hello.length)).equals(hello)).toBe(true)
  far.send(exchange(two.id.bytes, two.key.publicKey.protobuf))
  const { channel, muxer } = await securing
  expect(muxer).toBeUndefined()
  channel.send(new TextEncoder().encode('in the clear'))
  expect(new TextDecoder().decode(await reader.read(12))).toBe('in the clear')
})

test.each(['Ed25519', 'secp256k1', 'ECDSA', 'RSA'] as const)('a peer with a key of type %s is known', async (type) => {
  const [one, two] = [await party(), await party(type)]
  const [near, far] = channelPair()
  const [secured] = await Promise.all([
    one.transport.secure(near, { role: 'initiator', muxers: [], expected: two.id }),
    two.transport.secure(far, { role: 'responder', muxers: [] })
  ])
  expect(secured.remotePeer.equals(two.id)).toBe(true)
  expect(secured.remoteKey.type).toBe(type)
})

test('a key that is not that of the id is refused', async () => {
  const [victim, liar] = [await party(), await party()]
  const { outcome, near } = await answered(exchange(victim.id.bytes, liar.key.publicKey.protobuf), victim)
  await expect(outcome).rejects.toMatchObject({ code: 'ERR_SECURITY', remote: true })
  expect(near.status).toBe('reset')
})

test('another peer than the one dialled is refused', async () => {
  const [dialled, other] = [await party(), await party()]
  const { outcome, near } = await answered(exchange(other.id.bytes, other.key.publicKey.protobuf), dialled)
  await expect(outcome).rejects.toMatchObject({ code: 'ERR_WRONG_PEER', remote: true })
  expect(near.status).toBe('reset')
})

test('an exchange without id, without key, with a broken key or a broken message is refused', async () => {
  const { id, key } = await party()
  const messages = {
    'no id': exchange(undefined, key.publicKey.protobuf),
    'no key': exchange(id.bytes, undefined),
    'a key that is none': exchange(id.bytes, new Uint8Array(36)),
    'an id that is none': exchange(new Uint8Array(38), key.publicKey.protobuf),
    'a field cut off': framed(Uint8Array.of(0x0a, 0x26, 1, 2, 3)),
    nothing: framed(new Uint8Array(0)),
    'too many fields': exchange(id.bytes, key.publicKey.protobuf, new Uint8Array(40).fill(0x18).fill(1, 39))
  }
  for (const [name, message] of Object.entries(messages)) {
    const { outcome, near } = await answered(message)
    await expect(outcome, name).rejects.toHaveProperty('code')
    expect(near.status, name).toBe('reset')
  }
})

test('a field of a later version is passed over', async () => {
  const { id, key } = await party()
  const { outcome } = await answered(exchange(id.bytes, key.publicKey.protobuf, Uint8Array.of(0x18, 7)))
  await expect(outcome).resolves.toHaveProperty('remotePeer')
})

test('a message over 8 KiB is refused by its length, before it is there', async () => {
  const { outcome, near } = await answered(framed(new Uint8Array(4), 8193))
  await expect(outcome).rejects.toHaveProperty('code')
  expect(near.status).toBe('reset')
})

test('an exchange that stops in the middle ends at the bound that was set', async () => {
  const clock = new ManualClock()
  const { id, transport } = await party('Ed25519', { handshakeTimeoutMs: 500 }, clock)
  const [near, far] = channelPair(clock)
  const failed = expect(transport.secure(near, { role: 'responder', muxers: [] })).rejects.toMatchObject({
    code: 'ERR_TIMEOUT'
  })
  far.send(framed(id.bytes, 200))
  await clock.advance(499)
  expect(near.status).toBe('open')
  await clock.advance(1)
  await failed
  expect([near.status, clock.pending]).toEqual(['reset', 0])
})

test('bytes right behind the exchange belong to what comes next', async () => {
  const { id, key } = await party()
  const message = exchange(id.bytes, key.publicKey.protobuf)
  const { outcome, near } = await answered(Buffer.concat([message, Buffer.from('next')]))
  await outcome
  expect(new TextDecoder().decode(await byteReader(near).read(4))).toBe('next')
})
