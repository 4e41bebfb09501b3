import { isRelayed, kindOf, peerOf, subscriberOf } from '@peerloom/addresses'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'

const relay = '12D3KooWJ5zkTDdXTmeA4eGhmQx4rQZTVYMJbQQjaTwh2wnLqcvk'
const target = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'

test.each([
  ['/ip4/1.2.3.4/tcp/1', '1.2.3.4'],
  ['/ip4/255.255.255.255/tcp/1', '255.255.255.255'],
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
  ['/ip4/1.2.3.4/tcp/1', 'public'],
  ['/ip4/10.0.0.1/tcp/1', 'private'],
  ['/ip4/172.31.0.1/tcp/1', 'private'],
  ['/ip4/172.32.0.1/tcp/1', 'public'],
  ['/ip4/192.168.1.1/tcp/1', 'private'],
  ['/ip4/192.169.0.1/tcp/1', 'public'],
  ['/ip4/100.64.0.1/tcp/1', 'private'],
  ['/ip4/100.128.0.1/tcp/1', 'public'],
  ['/ip4/169.254.1.1/tcp/1', 'private'],
  ['/ip4/127.0.0.1/tcp/1', 'loopback'],
  ['/ip4/0.0.0.0/tcp/1', 'private'],
  ['/ip6/2001:db8::1/tcp/1', 'public'],
  ['/ip6/fe80::1/tcp/1', 'private'],
  ['/ip6/fd00::1/tcp/1', 'private'],
  ['/ip6/::/tcp/1', 'private'],
  ['/ip6/::1/tcp/1', 'loopback'],
  ['/ip6/::ffff:10.0.0.1/tcp/1', 'private'],
  ['/dns4/relay.example.com/tcp/1', 'public'],
  ['/dnsaddr/bootstrap.libp2p.io', 'public'],
  ['/dns/localhost/tcp/1', 'loopback'],
  ['/dns4/box.local/tcp/1', 'private'],
  ['/dns4/notlocal/tcp/1', 'public'],
  ['/memory/a', 'loopback']
])('%s reaches as far as %s', (address, scope) => {
  expect(kindOf(multiaddr(address)).scope).toBe(scope)
})

test.each([
  ['/ip4/1.2.3.4/tcp/1', { ip: 4, transport: 'tcp', relayed: false }],
  ['/ip6/2001:db8::1/tcp/1/tls/ws', { ip: 6, transport: 'ws', relayed: false }],
  ['/ip4/1.2.3.4/udp/1/quic-v1', { ip: 4, transport: 'quic', relayed: false }],
  ['/dns6/a.example/udp/1/quic-v1/webtransport', { ip: 6, transport: 'webtransport', relayed: false }],
  ['/dns/a.example/udp/1/webrtc-direct', { ip: undefined, transport: 'webrtc', relayed: false }],
  [`/ip4/1.2.3.4/tcp/1/p2p/${relay}/p2p-circuit/webrtc/p2p/${target}`, { ip: 4, transport: 'tcp', relayed: true }]
] as const)('%s is of its kind', (address, kind) => {
  expect(kindOf(multiaddr(address))).toMatchObject(kind)
})

test('an address ends at its last peer, unless a circuit follows', () => {
  expect(peerOf(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${relay}`))).toBe(relay)
  expect(peerOf(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${relay}/p2p-circuit`))).toBeUndefined()
  expect(peerOf(multiaddr(`/p2p/${relay}/p2p-circuit/p2p/${target}`))).toBe(target)
  expect(isRelayed(multiaddr(`/p2p/${relay}/p2p-circuit`))).toBe(true)
  expect(isRelayed(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${relay}`))).toBe(false)
})
