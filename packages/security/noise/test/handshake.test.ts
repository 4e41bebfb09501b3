import { expect, test } from 'vitest'
import { channelPair } from '@peerloom/streams'
import { handshake, muxers, party, readAll, turns, wire } from './harness.ts'

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

test('certificate hashes are told and can be refused', async () => {
  const hashes = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)]
  let told: readonly Uint8Array[] = []
  const server = await party({ certHashes: () => hashes })
  await handshake(await party({ verifyCertHashes: (seen) => void (told = seen) }), server)
  expect(told.map((hash) => [...hash])).toEqual([[1, 2, 3], [4]])
  const refusing = await party({
    verifyCertHashes: () => {
      throw new Error('not the certificate that was dialled')
    }
  })
  await expect(handshake(refusing, server)).rejects.toMatchObject({ code: 'ERR_SECURITY' })
})

test('different prologues do not meet', async () => {
  const prologues = { initiator: { prologue: Uint8Array.of(1) }, responder: { prologue: Uint8Array.of(2) } }
  await expect(handshake(await party(), await party(), prologues)).rejects.toMatchObject({ code: 'ERR_SECURITY' })
  const same = { initiator: { prologue: Uint8Array.of(1) }, responder: { prologue: Uint8Array.of(1) } }
  await handshake(await party(), await party(), same)
})

test('every flipped bit of every handshake message is noticed', async () => {
  const [a, b] = [await party(), await party()]
  // How long the messages are, first.
  const sizes: number[] = []
  const attempt = async (message: number, bit: number): Promise<unknown[]> => {
    const [near, nearWire] = channelPair()
    const [far, farWire] = channelPair()
    let count = 0
    const change = (bytes: Uint8Array): Uint8Array => {
      const at = count++
      sizes[at] = bytes.length
      if (at !== message) return bytes
      const changed = bytes.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      return changed
    }
    wire(nearWire, farWire, change)
    wire(farWire, nearWire, change)
    const results = await Promise.allSettled([
      a.security.secure(near, { role: 'initiator', muxers }).then(async (secured) => {
        // The initiator is done with message 3 on its way; what comes next shows whether it arrived whole.
        await readAll(secured.channel)
        throw new Error('nothing to read')
      }),
      b.security.secure(far, { role: 'responder', muxers }).then((secured) => {
        secured.channel.abort(new Error('this handshake was not to succeed'))
        return 'secured'
      })
    ])
    near.abort(new Error('next'))
    far.abort(new Error('next'))
    return results.map((result) => (result.status === 'fulfilled' ? result.value : (result.reason as unknown)))
  }
  expect((await attempt(-1, 0))[1]).toBe('secured')
  const [first = 0, second = 0, third = 0] = sizes
  for (const [message, size] of [first, second, third].entries()) {
    // Bits of the length would leave the other side waiting: the bound of a handshake is for those.
    for (let bit = 16; bit < size * 8; bit += message === 0 ? 1 : 5) {
      const [, responder] = await attempt(message, bit)
      expect(responder, `message ${message}, bit ${bit}`).not.toBe('secured')
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
