import { expect, test } from 'vitest'
import { systemClock } from '@peerloom/interface'
import { channelPair } from '@peerloom/streams'
import { crypto } from '../src/crypto.ts'
import { NoiseChannel } from '../src/noise-channel.ts'
import { frame } from '../src/record.ts'
import { readAll, turns } from './harness.ts'

/** A channel that has no nonce left. */
function exhausted(): NoiseChannel {
  const cipher = crypto.createCipher(new Uint8Array(32))
  const [near] = channelPair()
  return new NoiseChannel(near, { send: cipher, receive: cipher }, { clock: systemClock, firstNonce: 2n ** 64n - 1n })
}

test('without a nonce left, a full record is refused and the channel reset', () => {
  const channel = exhausted()
  expect(() => channel.send(new Uint8Array(70_000))).toThrow(expect.objectContaining({ code: 'ERR_SECURITY' }))
  expect(channel).toMatchObject({ status: 'reset', queuedBytes: 0 })
})

test('without a nonce left, a closing channel rejects', async () => {
  const channel = exhausted()
  channel.send(Uint8Array.of(1))
  await expect(channel.closeWrite()).rejects.toMatchObject({ code: 'ERR_SECURITY' })
  expect(channel.status).toBe('reset')
})

test('a record under the last nonce is not opened', async () => {
  const cipher = crypto.createCipher(new Uint8Array(32))
  const [near, far] = channelPair()
  const channel = new NoiseChannel(
    near,
    { send: cipher, receive: cipher },
    { clock: systemClock, firstNonce: 2n ** 64n - 1n }
  )
  channel.open()
  const nonce = new Uint8Array(12).fill(0xff, 4)
  far.send(frame(cipher.seal(nonce, Uint8Array.of(1))))
  await expect(readAll(channel)).rejects.toMatchObject({ code: 'ERR_SECURITY' })
})

test('a connection that has used all its nonces is reset, by the side that would reuse one', async () => {
  const key = new Uint8Array(32).fill(7)
  const ciphers = { send: crypto.createCipher(key), receive: crypto.createCipher(key) }
  const [near, far] = channelPair()
  const options = { clock: systemClock, firstNonce: 2n ** 64n - 2n }
  const [one, two] = [new NoiseChannel(near, ciphers, options), new NoiseChannel(far, ciphers, options)]
  one.open()
  two.open()
  const reading = readAll(two)
  reading.catch(() => {})
  one.send(Uint8Array.of(1))
  await turns()
  expect(one.status).toBe('open')
  one.send(Uint8Array.of(2))
  await turns()
  expect(one).toMatchObject({ status: 'reset', error: { code: 'ERR_SECURITY' } })
  await expect(reading).rejects.toThrow()
})
