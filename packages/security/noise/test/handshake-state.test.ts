import { expect, test } from 'vitest'
import { crypto } from '../src/crypto.ts'
import type { StaticKey } from '../src/crypto-interface.ts'
import { HandshakeState } from '../src/handshake-state.ts'

// The core has no public face of its own, so it is tested from inside.

const prologue = new Uint8Array(0)
const payload = new Uint8Array(106).fill(1)
const generate = async (): Promise<StaticKey> => crypto.generateKey()
const keys = { e: await generate(), s: await generate(), re: await generate(), rs: await generate() }

function initiator(): HandshakeState {
  const state = new HandshakeState(crypto, 'initiator', keys.e, prologue)
  state.useStatic(keys.s)
  return state
}

function responder(): HandshakeState {
  const state = new HandshakeState(crypto, 'responder', keys.re, prologue)
  state.useStatic(keys.rs)
  return state
}

function* flips(message: Uint8Array): Iterable<Uint8Array> {
  for (let bit = 0; bit < message.length * 8; bit++) {
    const flipped = message.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    yield flipped
  }
}

const notGenuine = { code: 'ERR_SECURITY', remote: true }

test('every flipped bit of every handshake message is noticed', async () => {
  const [near, far] = [initiator(), responder()]
  const first = near.writeFirst(prologue)
  await far.read(first)
  const second = await far.write(payload)
  await near.read(second)
  const third = await near.write(payload)
  await far.read(third)
  expect([first.length, second.length, third.length]).toEqual([32, 32 + 48 + 106 + 16, 48 + 106 + 16])

  for (const flipped of flips(first)) {
    // It has no tag of its own: the answer to it does not fit.
    const [asking, answering] = [initiator(), responder()]
    asking.writeFirst(prologue)
    await answering.read(flipped)
    await expect(asking.read(await answering.write(payload))).rejects.toMatchObject(notGenuine)
  }
  for (const flipped of flips(second)) {
    const asking = initiator()
    asking.writeFirst(prologue)
    await expect(asking.read(flipped)).rejects.toMatchObject(notGenuine)
  }
  for (const flipped of flips(third)) {
    const answering = responder()
    await answering.read(first)
    await answering.write(payload)
    await expect(answering.read(flipped)).rejects.toMatchObject(notGenuine)
  }
}, 60_000)

test('a message cut at any place is noticed, and one that goes on as well', async () => {
  const far = responder()
  await far.read(initiator().writeFirst(prologue))
  const second = await far.write(payload)
  for (let length = 0; length <= second.length + 1; length++) {
    if (length === second.length) continue
    const asking = initiator()
    asking.writeFirst(prologue)
    const cut = new Uint8Array(length)
    cut.set(second.subarray(0, length))
    await expect(asking.read(cut), `${length} bytes`).rejects.toMatchObject(notGenuine)
  }
})
