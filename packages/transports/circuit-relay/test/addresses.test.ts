import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { isAnyRelay, isRelayed, parseCircuit, throughRelay } from '../src/circuit-address.ts'
import { isPublic, subscriberOf } from '../src/whereabouts.ts'

const R = '12D3KooWJ5zkTDdXTmeA4eGhmQx4rQZTVYMJbQQjaTwh2wnLqcvk'
const T = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'

test('an address through one relay comes apart', () => {
  const full = parseCircuit(multiaddr(`/ip4/1.2.3.4/tcp/4001/p2p/${R}/p2p-circuit/p2p/${T}`))
  expect(full).toMatchObject({ relay: R, target: T })
  expect(full?.relayAddress?.toString()).toBe(`/ip4/1.2.3.4/tcp/4001/p2p/${R}`)
  expect(parseCircuit(multiaddr(`/p2p/${R}/p2p-circuit`))).toEqual({
    relay: R,
    relayAddress: undefined,
    target: undefined
  })
})

test.each([
  '/ip4/1.2.3.4/tcp/4001',
  '/p2p-circuit',
  `/p2p-circuit/p2p/${T}`,
  '/ip4/1.2.3.4/tcp/4001/p2p-circuit',
  `/p2p/${R}/p2p-circuit/p2p/${T}/p2p-circuit`,
  `/p2p/${R}/p2p-circuit/p2p/${T}/p2p-circuit/p2p/${R}`,
  `/ip4/1.2.3.4/tcp/4001/p2p/${R}/p2p-circuit/webrtc/p2p/${T}`
])('%s is no such address', (address) => {
  expect(parseCircuit(multiaddr(address))).toBeUndefined()
})

test('/p2p-circuit alone asks for any relay', () => {
  expect(isAnyRelay(multiaddr('/p2p-circuit'))).toBe(true)
  expect(isAnyRelay(multiaddr(`/p2p-circuit/p2p/${T}`))).toBe(false)
  expect(isAnyRelay(multiaddr('/ip4/1.2.3.4/tcp/1'))).toBe(false)
  expect(isRelayed(multiaddr(`/p2p/${R}/p2p-circuit`))).toBe(true)
  expect(isRelayed(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${R}`))).toBe(false)
})

test('ours is the relay’s with its id and the circuit', () => {
  const through = `/ip4/1.2.3.4/tcp/1/p2p/${R}/p2p-circuit`
  expect(throughRelay(multiaddr('/ip4/1.2.3.4/tcp/1'), R).toString()).toBe(through)
  expect(throughRelay(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${R}`), R).toString()).toBe(through)
})

test.each([
  ['/ip4/1.2.3.4/tcp/1', '1.2.3.4'],
  ['/ip6/2001:db8:1:2:3:4:5:6/tcp/1', '2001:db8:1:2'],
  ['/ip6/2001:db8::1/tcp/1', '2001:db8:0:0'],
  ['/ip6/::ffff:1.2.3.4/tcp/1', '1.2.3.4'],
  ['/ip4/127.0.0.1/tcp/1', undefined],
  ['/ip6/::1/tcp/1', undefined],
  ['/ip6/::ffff:127.0.0.1/tcp/1', undefined],
  ['/memory/a', undefined]
])('who comes from %s counts as %s', (address, subscriber) => {
  expect(subscriberOf(multiaddr(address))).toBe(subscriber)
})

test.each([
  ['/ip4/1.2.3.4/tcp/1', true],
  ['/ip4/10.0.0.1/tcp/1', false],
  ['/ip4/172.31.0.1/tcp/1', false],
  ['/ip4/172.32.0.1/tcp/1', true],
  ['/ip4/100.64.0.1/tcp/1', false],
  ['/ip4/127.0.0.1/tcp/1', false],
  ['/ip4/0.0.0.0/tcp/1', false],
  ['/ip6/2001:db8::1/tcp/1', true],
  ['/ip6/fe80::1/tcp/1', false],
  ['/ip6/fd00::1/tcp/1', false],
  ['/ip6/::1/tcp/1', false],
  ['/ip6/::ffff:10.0.0.1/tcp/1', false],
  ['/dns4/relay.example.com/tcp/1', true],
  ['/dnsaddr/bootstrap.libp2p.io', true],
  ['/dns/localhost/tcp/1', false],
  ['/dns4/box.local/tcp/1', false],
  ['/memory/a', false]
])('%s is public: %s', (address, everywhere) => {
  expect(isPublic(multiaddr(address))).toBe(everywhere)
})
