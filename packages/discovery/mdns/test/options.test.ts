import { systemRandom } from '@peerloom/interface'
import { mdns } from '@peerloom/mdns'
import { expect, test } from 'vitest'
import { checkedServiceTag, randomPeerName, serviceName } from '../src/service-name.ts'

test.each([
  ['port', 0],
  ['port', 65_536],
  ['intervalMs', 999],
  ['ttlMs', 0],
  ['maxPeers', 0],
  ['maxPeersPerSource', Number.NaN],
  ['maxAddresses', 0],
  ['maxPacketsPerSource', -1],
  ['maxPackets', 0]
])('%s of %d is refused', (name, value) => {
  expect(() => mdns({ [name]: value })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining(name) as string })
  )
})

test.each(['', 'local', 'p2p.local', '_p2p._udp', '_p2p..local', `_${'a'.repeat(63)}.local`, '_a b._udp.local'])(
  'the service tag %j is refused',
  (serviceTag) => {
    expect(() => mdns({ serviceTag })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }))
  }
)

test('a private network has a service of its own', () => {
  expect(checkedServiceTag('_P2P._udp.local.')).toBe('_p2p._udp.local')
  expect(serviceName('_p2p._udp.local', undefined)).toBe('_p2p._udp.local')
  expect(serviceName('_p2p._udp.local', '5DE74E2A')).toBe('_p2p-5de74e2a._udp.local')
  // A label takes 63 bytes; a fingerprint of 128 bits takes 32.
  expect(serviceName('_p2p._udp.local', 'f'.repeat(64)).split('.')[0]).toHaveLength(63)
})

test('the name of a peer is random, plain, and long enough', () => {
  const names = new Set(Array.from({ length: 100 }, () => randomPeerName(systemRandom)))
  expect(names.size).toBe(100)
  for (const name of names) expect(name).toMatch(/^[a-z0-9]{32,63}$/)
})
