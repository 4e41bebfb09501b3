import { expect, test } from 'vitest'
import { agreedMuxer, choose, encodeOffer } from '../src/alpn.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

test('muxers are offered in order, libp2p last', () => {
  expect(text(encodeOffer(['/yamux/1.0.0', '/mplex/6.7.0']))).toBe('\x0c/yamux/1.0.0\x0c/mplex/6.7.0\x06libp2p')
  expect(text(encodeOffer([]))).toBe('\x06libp2p')
})

test('names that do not fit are left out', () => {
  expect(text(encodeOffer(['', 'x'.repeat(256), '/a']))).toBe('\x02/a\x06libp2p')
  expect(encodeOffer(Array.from({ length: 1000 }, () => 'x'.repeat(255))).length).toBeLessThanOrEqual(0xffff)
})

test.each([
  [['/a', '/b', 'libp2p'], ['/b', '/a'], '/a'],
  [['/c', '/b', 'libp2p'], ['/b', '/a'], '/b'],
  [['/c', 'libp2p'], ['/b', '/a'], 'libp2p'],
  [['h2'], ['/a'], undefined],
  [[], ['/a'], undefined]
])('of %j a responder with %j takes %s', (offered, muxers, chosen) => {
  expect(choose(offered, muxers)).toBe(chosen)
})

test('what was agreed on is a muxer that was offered, or none', () => {
  expect(agreedMuxer('/a', ['/a'])).toBe('/a')
  for (const none of ['libp2p', false, null] as const) expect(agreedMuxer(none, ['/a'])).toBeUndefined()
  expect(() => agreedMuxer('/b', ['/a'])).toThrow(expect.objectContaining({ code: 'ERR_SECURITY', remote: true }))
})
