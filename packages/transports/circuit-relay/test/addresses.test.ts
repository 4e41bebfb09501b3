import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { isAnyRelay, parseCircuit, throughRelay } from '../src/circuit-address.ts'

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
})

test('ours is the relay’s with its id and the circuit', () => {
  const through = `/ip4/1.2.3.4/tcp/1/p2p/${R}/p2p-circuit`
  expect(throughRelay(multiaddr('/ip4/1.2.3.4/tcp/1'), R).toString()).toBe(through)
  expect(throughRelay(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${R}`), R).toString()).toBe(through)
})
