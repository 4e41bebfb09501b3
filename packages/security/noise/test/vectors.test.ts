import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { crypto } from '../src/crypto.ts'
import { crypto as browserCrypto } from '../src/crypto.browser.ts'
import { HandshakeState } from '../src/handshake-state.ts'
import { Nonce } from '../src/nonce.ts'

interface Vector {
  init_prologue: string
  init_static: string
  init_ephemeral: string
  resp_static: string
  resp_ephemeral: string
  messages: { payload: string; ciphertext: string }[]
}
const { vectors } = JSON.parse(readFileSync(new URL('./fixtures/noise-xx-vectors.json', import.meta.url), 'utf8')) as {
  vectors: Vector[]
}

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex')

// The core has no public face of its own: the published vectors are about it, so it is tested from inside.
test.each([
  ['node:crypto', crypto],
  ['noble', browserCrypto]
] as const)('the published vectors hold, with %s', async (_name, primitives) => {
  expect(vectors.length).toBeGreaterThan(0)
  for (const vector of vectors) {
    const prologue = bytes(vector.init_prologue)
    const side = async (role: 'initiator' | 'responder', s: string, e: string): Promise<HandshakeState> => {
      const state = new HandshakeState(primitives, role, await primitives.importKey(bytes(e)), prologue)
      state.useStatic(await primitives.importKey(bytes(s)))
      return state
    }
    const initiator = await side('initiator', vector.init_static, vector.init_ephemeral)
    const responder = await side('responder', vector.resp_static, vector.resp_ephemeral)
    const [first, second, third, ...rest] = vector.messages
    for (const [message, writer, reader] of [
      [first, initiator, responder],
      [second, responder, initiator],
      [third, initiator, responder]
    ] as const) {
      const payload = bytes(message?.payload ?? '')
      const sealed = message === first ? writer.writeFirst(payload) : await writer.write(payload)
      expect(hex(sealed)).toBe(message?.ciphertext)
      expect(hex(await reader.read(sealed))).toBe(message?.payload)
    }
    expect(hex(initiator.remoteStatic ?? new Uint8Array(0))).toBe(
      hex((await primitives.importKey(bytes(vector.resp_static))).publicKey)
    )
    const [one, two] = [initiator.split(), responder.split()]
    const nonces = { responder: new Nonce(), initiator: new Nonce() }
    rest.forEach((message, at) => {
      const fromResponder = at % 2 === 0
      const nonce = fromResponder ? nonces.responder.next() : nonces.initiator.next()
      const [sending, receiving] = fromResponder ? [two.send, one.receive] : [one.send, two.receive]
      const sealed = sending.seal(nonce, bytes(message.payload))
      expect(hex(sealed)).toBe(message.ciphertext)
      expect(hex(receiving.open(nonce, sealed))).toBe(message.payload)
    })
  }
})

test('a side cannot speak out of turn, or without its key', async () => {
  const responder = new HandshakeState(crypto, 'responder', await crypto.generateKey(), new Uint8Array(0))
  const outOfTurn = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
  expect(() => responder.writeFirst(new Uint8Array(0))).toThrow(outOfTurn)
  await expect(responder.write(new Uint8Array(0))).rejects.toEqual(outOfTurn)
})

test('a key of low order is refused', async () => {
  for (const primitives of [crypto, browserCrypto]) {
    const responder = new HandshakeState(primitives, 'responder', await primitives.generateKey(), new Uint8Array(0))
    responder.useStatic(await primitives.generateKey())
    await responder.read(new Uint8Array(32))
    await expect(responder.write(new Uint8Array(0))).rejects.toThrow()
  }
})

test('the last nonce is never used', () => {
  const nonce = new Nonce(2n ** 64n - 2n)
  expect(hex(nonce.next())).toBe('00000000feffffffffffffff')
  expect(() => nonce.next()).toThrow(expect.objectContaining({ code: 'ERR_SECURITY' }))
  const carry = new Nonce(2n ** 32n - 1n)
  expect([hex(carry.next()), hex(carry.next())]).toEqual(['00000000ffffffff00000000', '000000000000000001000000'])
})
