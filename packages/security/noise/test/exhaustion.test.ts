import { expect, test } from 'vitest'
import { systemClock } from '@peerloom/interface'
import { channelPair } from '@peerloom/streams'
import { crypto } from '../src/crypto.ts'
import { NoiseChannel } from '../src/noise-channel.ts'
import { readAll, turns } from './harness.ts'

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
