import { channelPair, ChunkIterator } from '@peerloom/streams'
import { systemClock } from '@peerloom/interface'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { noise } from '@peerloom/noise'
import { expect, test } from 'vitest'

const party = async () => {
  const key = await generateKey()
  const node = { clock: systemClock, publicKey: key.publicKey, sign: (data: Uint8Array) => key.sign(data) }
  return { id: peerIdFromPrivateKey(key), security: noise()(node as never) }
}

test('a handshake and records in any pieces, with the primitives of the browser build', async () => {
  const [a, b] = [await party(), await party()]
  const [near, far] = channelPair()
  const [one, two] = await Promise.all([
    a.security.secure(near, { role: 'initiator', muxers: ['/yamux/1.0.0'], expected: b.id }),
    b.security.secure(far, { role: 'responder', muxers: ['/yamux/1.0.0'] })
  ])
  expect([one.muxer, two.muxer]).toEqual(['/yamux/1.0.0', '/yamux/1.0.0'])
  const sizes = [1, 100, 8192, 65_519, 65_520, 200_000]
  for (const [at, size] of sizes.entries()) one.channel.send(new Uint8Array(size).fill(at))
  const ending = one.channel.closeWrite()
  const counts = sizes.map(() => 0)
  for await (const bytes of new ChunkIterator(two.channel)) for (const byte of bytes) counts[byte]!++
  await ending
  expect(counts).toEqual(sizes)
})

test('another peer than the one dialled is refused', async () => {
  const [a, b, c] = [await party(), await party(), await party()]
  const [near, far] = channelPair()
  const answering = b.security.secure(far, { role: 'responder', muxers: [] })
  answering.catch(() => {})
  await expect(a.security.secure(near, { role: 'initiator', muxers: [], expected: c.id })).rejects.toMatchObject({
    code: 'ERR_WRONG_PEER'
  })
})
