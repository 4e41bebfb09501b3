import { multiaddr } from '@multiformats/multiaddr'
import { rank } from '@peerloom/core'
import { expect, test } from 'vitest'

const relay = '12D3KooWJ5zkTDdXTmeA4eGhmQx4rQZTVYMJbQQjaTwh2wnLqcvk'
const ranked = (...addresses: string[]): [string, number][] =>
  rank(addresses.map((address) => multiaddr(address))).map(({ address, delayMs }) => [address.toString(), delayMs])

test('QUIC comes before TCP and IPv6 before IPv4, each a public round trip apart', () => {
  expect(
    ranked(
      '/ip4/1.2.3.4/tcp/4001',
      '/ip6/2001:db8::1/tcp/4001',
      '/ip4/1.2.3.4/udp/4001/quic-v1',
      '/ip6/2001:db8::1/udp/4001/quic-v1',
      '/ip4/1.2.3.4/tcp/443/ws'
    )
  ).toEqual([
    ['/ip6/2001:db8::1/udp/4001/quic-v1', 0],
    ['/ip4/1.2.3.4/udp/4001/quic-v1', 250],
    ['/ip6/2001:db8::1/tcp/4001', 500],
    ['/ip4/1.2.3.4/tcp/4001', 750],
    ['/ip4/1.2.3.4/tcp/443/ws', 1000]
  ])
})

test('private addresses run beside public ones, a short stagger apart', () => {
  expect(ranked('/ip4/1.2.3.4/tcp/1', '/ip4/10.0.0.1/tcp/1', '/ip4/192.168.1.1/tcp/1', '/ip4/1.2.3.5/tcp/1')).toEqual([
    ['/ip4/10.0.0.1/tcp/1', 0],
    ['/ip4/1.2.3.4/tcp/1', 0],
    ['/ip4/192.168.1.1/tcp/1', 30],
    ['/ip4/1.2.3.5/tcp/1', 250]
  ])
})

test.each([
  ['/ip4/172.16.0.1/tcp/1', true],
  ['/ip4/172.32.0.1/tcp/1', false],
  ['/ip4/100.64.0.1/tcp/1', true],
  ['/ip4/100.128.0.1/tcp/1', false],
  ['/ip4/169.254.1.1/tcp/1', true],
  ['/ip6/fe80::1/tcp/1', true],
  ['/ip6/fd00::1/tcp/1', true],
  ['/ip6/2606:4700::1/tcp/1', false],
  ['/ip4/127.0.0.1/tcp/1', true],
  ['/ip6/::1/tcp/1', true]
])('%s counts as near: %s', (address, near) => {
  // Behind two other public addresses a near one still starts at once.
  const entry = ranked('/ip4/1.1.1.1/udp/1/quic-v1', '/ip4/1.1.1.2/udp/1/quic-v1', address).find(
    ([text]) => text === address
  )
  expect(entry?.[1] === 0).toBe(near)
})

test('relayed addresses wait for direct ones, and start at once when there are none', () => {
  const through = `/ip4/1.2.3.4/tcp/4001/p2p/${relay}/p2p-circuit`
  expect(ranked(through, '/ip4/5.6.7.8/tcp/1')).toEqual([
    ['/ip4/5.6.7.8/tcp/1', 0],
    [through, 500]
  ])
  expect(ranked(through)).toEqual([[through, 0]])
})

test('nothing ranks to nothing', () => {
  expect(rank([])).toEqual([])
})
