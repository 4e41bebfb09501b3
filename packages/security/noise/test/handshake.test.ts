import { expect, test } from 'vitest'
import { type Channel, isPeerloomError } from '@peerloom/interface'
import { channelPair } from '@peerloom/streams'
import { handshake, muxers, party, readSome, turns, wire } from './harness.ts'

test('both sides learn who the other is', async () => {
  const [a, b] = [await party(), await party()]
  const { near, far } = await handshake(a, b, { initiator: { expected: b.id } })
  expect(near.remotePeer.equals(b.id)).toBe(true)
  expect(far.remotePeer.equals(a.id)).toBe(true)
  expect(near.remoteKey.equals(b.publicKey)).toBe(true)
  expect([near.muxer, far.muxer]).toEqual([undefined, undefined])
})

test.each(['Ed25519', 'secp256k1', 'ECDSA', 'RSA'] as const)('identities of type %s', async (type) => {
  const [a, b] = [await party({ type }), await party({ type })]
  const { near, far } = await handshake(a, b)
  expect([near.remotePeer.toString(), far.remotePeer.toString()]).toEqual([b.id.toString(), a.id.toString()])
})

test.each([
  [muxers, muxers, '/yamux/1.0.0'],
  [['/a', '/b'], ['/b', '/a'], '/a'],
  [['/a', '/b'], ['/c', '/b'], '/b'],
  [['/a'], ['/b'], undefined],
  [[], ['/b'], undefined],
  [['/a'], [], undefined]
])('of the muxers %j and %j both choose %s', async (ours, theirs, chosen) => {
  const { near, far } = await handshake(await party(), await party(), {
    initiator: { muxers: ours },
    responder: { muxers: theirs }
  })
  expect([near.muxer, far.muxer]).toEqual([chosen, chosen])
})

test('another peer than the one dialled is refused', async () => {
  const [a, b, c] = [await party(), await party(), await party()]
  await expect(handshake(a, b, { initiator: { expected: c.id } })).rejects.toMatchObject({
    code: 'ERR_WRONG_PEER',
    remote: true
  })
})

test('a signature that is wrong, or another key than the one that signed, is refused', async () => {
  const other = await party()
  const forgeries = [
    { sign: async () => new Uint8Array(64) },
    { sign: async () => new Uint8Array(0) },
    { publicKey: other.publicKey },
    { sign: other.sign }
  ]
  for (const forge of forgeries) {
    for (const role of ['initiator', 'responder'] as const) {
      const [honest, liar] = [await party(), await party({ forge })]
      const [near, far] = channelPair()
      const trusting = honest.security.secure(near, { role: role === 'initiator' ? 'responder' : 'initiator', muxers })
      const lying = liar.security.secure(far, { role, muxers })
      const [refused] = await Promise.allSettled([trusting, lying])
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SECURITY', remote: true } })
      expect(near.status).toBe('reset')
    }
  }
})

test('a payload that another peer made for its own static key proves nothing', async () => {
  const victim = await party()
  let captured: Uint8Array | undefined
  const observed = await party({
    forge: { publicKey: victim.publicKey, sign: async (data) => (captured = await victim.sign(data)) }
  })
  await handshake(observed, await party())
  expect(captured).toHaveLength(64)
  const liar = await party({ forge: { publicKey: victim.publicKey, sign: async () => captured as Uint8Array } })
  const [near, far] = channelPair()
  liar.security.secure(far, { role: 'responder', muxers }).catch(() => {})
  await expect(
    (await party()).security.secure(near, { role: 'initiator', muxers, expected: victim.id })
  ).rejects.toMatchObject({ code: 'ERR_SECURITY', remote: true })
})

test('certificate hashes are told and can be refused', async () => {
  const hashes = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)]
  let told: readonly Uint8Array[] = []
  await handshake(await party(), await party(), {
    initiator: { verifyCertHashes: (seen) => void (told = seen) },
    responder: { certHashes: hashes }
  })
  expect(told.map((hash) => [...hash])).toEqual([[1, 2, 3], [4]])
  const verifyCertHashes = (): void => {
    throw new Error('not the certificate that was dialled')
  }
  await expect(
    handshake(await party(), await party(), { initiator: { verifyCertHashes }, responder: { certHashes: hashes } })
  ).rejects.toMatchObject({ code: 'ERR_SECURITY' })
})

test('more certificate hashes or muxers than anybody needs are passed over, too many fail', async () => {
  let told: readonly Uint8Array[] = []
  const hashes = Array.from({ length: 40 }, (_, at) => Uint8Array.of(at))
  await handshake(await party(), await party(), {
    initiator: { verifyCertHashes: (seen) => void (told = seen) },
    responder: { certHashes: hashes }
  })
  expect(told).toHaveLength(32)
  const offered = Array.from({ length: 40 }, (_, at) => `/${at}`)
  for (const [muxer, agreed] of [
    ['/31', '/31'],
    ['/32', undefined]
  ] as const) {
    const { far } = await handshake(await party(), await party(), {
      initiator: { muxers: offered },
      responder: { muxers: [muxer] }
    })
    expect(far.muxer).toBe(agreed)
  }
  const many = Array.from({ length: 200 }, (_, at) => Uint8Array.of(at))
  await expect(handshake(await party(), await party(), { responder: { certHashes: many } })).rejects.toMatchObject({
    code: 'ERR_SECURITY',
    cause: { code: 'ERR_DECODE' },
    remote: true
  })
  const large = { certHashes: [new Uint8Array(65_536)] }
  await expect(handshake(await party(), await party(), { initiator: large })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT'
  })
})

test('a handshake that is called off while the last message is looked at does not succeed', async () => {
  const abort = new AbortController()
  const verifyCertHashes = (): void => abort.abort(new Error('enough'))
  const [near, far] = channelPair()
  const initiating = (await party()).security.secure(near, { role: 'initiator', muxers })
  const securing = (await party()).security.secure(far, {
    role: 'responder',
    muxers,
    verifyCertHashes,
    signal: abort.signal
  })
  await initiating
  await expect(securing).rejects.toThrow('enough')
})

test('what the initiator sends at once leaves together with its last handshake message', async () => {
  const [a, b] = [await party(), await party()]
  const [near, far] = channelPair()
  const answering = b.security.secure(far, { role: 'responder', muxers })
  const { channel } = await a.security.secure(near, { role: 'initiator', muxers })
  expect(near.queuedBytes).toBeGreaterThan(0)
  channel.send(Uint8Array.of(7))
  expect([...(await readSome((await answering).channel))]).toEqual([7])
})

test('different prologues do not meet', async () => {
  const prologues = { initiator: { prologue: Uint8Array.of(1) }, responder: { prologue: Uint8Array.of(2) } }
  await expect(handshake(await party(), await party(), prologues)).rejects.toMatchObject({ code: 'ERR_SECURITY' })
  const same = { initiator: { prologue: Uint8Array.of(1) }, responder: { prologue: Uint8Array.of(1) } }
  await handshake(await party(), await party(), same)
})

test('a flipped bit in a handshake message ends both sides, typed', async () => {
  const [a, b] = [await party(), await party()]
  const sizes: number[] = []
  /** Whether the responder, who has the last message, was satisfied; behind a changed one the link ends. */
  const attempt = async (message: number, bit: number): Promise<boolean> => {
    const [near, nearWire] = channelPair()
    const [far, farWire] = channelPair()
    let count = 0
    const pass = (bytes: Uint8Array, to: Channel): Uint8Array | undefined => {
      const at = count++
      sizes[at] = bytes.length
      if (at !== message) return bytes
      const changed = bytes.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      to.send(changed)
      void to.closeWrite().catch(() => {})
      return undefined
    }
    wire(nearWire, farWire, (bytes) => pass(bytes, farWire))
    wire(farWire, nearWire, (bytes) => pass(bytes, nearWire))
    const [initiator, responder] = await Promise.allSettled([
      a.security.secure(near, { role: 'initiator', muxers }),
      b.security.secure(far, { role: 'responder', muxers })
    ])
    for (const result of [initiator, responder]) {
      if (result.status === 'rejected') expect(isPeerloomError(result.reason)).toBe(true)
    }
    // Its second message is the responder's word on the first.
    if (message === 0 || message === 1) expect(initiator.status, `message ${message}, bit ${bit}`).toBe('rejected')
    near.abort(new Error('next'))
    far.abort(new Error('next'))
    return responder.status === 'fulfilled'
  }
  expect(await attempt(-1, 0)).toBe(true)
  const messages = sizes.slice(0, 3)
  for (const [message, size] of messages.entries()) {
    // All bits of the length; handshake-state.test.ts has all bits of the rest.
    for (let bit = 0; bit < size * 8; bit += bit < 16 ? 1 : 11) {
      expect(await attempt(message, bit), `message ${message}, bit ${bit}`).toBe(false)
    }
  }
}, 120_000)

test('a handshake that stalls ends at its bound', async () => {
  const slow = await party({ handshakeTimeoutMs: 20 })
  const [near, far] = channelPair()
  const securing = slow.security.secure(near, { role: 'responder', muxers: [] })
  far.send(Uint8Array.of(0, 32, 1, 2, 3))
  await expect(securing).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(near.status).toBe('reset')
})

test('a signal ends the handshake with its reason', async () => {
  const abort = new AbortController()
  const [near] = channelPair()
  const securing = (await party()).security.secure(near, { role: 'initiator', muxers: [], signal: abort.signal })
  abort.abort(new Error('enough'))
  await expect(securing).rejects.toThrow('enough')
  expect(near.status).toBe('reset')
})

test.each([
  ['nothing but an end', new Uint8Array(0)],
  ['a message that is too short', Uint8Array.of(0, 3, 1, 2, 3)],
  ['an empty message', Uint8Array.of(0, 0)],
  ['half a message', Uint8Array.of(0, 32, 1, 2, 3)]
])('%s fails typed, in either role', async (_name, bytes) => {
  for (const role of ['initiator', 'responder'] as const) {
    const [near, far] = channelPair()
    const securing = (await party()).security.secure(near, { role, muxers: [] })
    if (bytes.length > 0) far.send(bytes)
    await far.closeWrite()
    const error = (await securing.catch((reason: unknown) => reason)) as { code?: string }
    expect(['ERR_SECURITY', 'ERR_UNEXPECTED_END']).toContain(error.code)
    expect(near.status).toBe('reset')
    await turns()
  }
})

test('the first message leaves in the same turn as the call', async () => {
  const [near, far] = channelPair()
  let first: Uint8Array | undefined
  far.attach({ data: (bytes) => (first ??= bytes), end: () => {}, closed: () => {} })
  const securing = (await party()).security.secure(near, { role: 'initiator', muxers: [] })
  securing.catch(() => {})
  await turns(2)
  expect([first?.length, first?.[0], first?.[1]]).toEqual([34, 0, 32])
  near.abort(new Error('done'))
})
