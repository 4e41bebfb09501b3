import { multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@peerloom/interface'
import { beforeAll, describe, expect, test } from 'vitest'
import { announcementPackets } from '../src/announcement.ts'
import { decodeMessage } from '../src/decode.ts'
import { type DnsRecord, recordTypes } from '../src/dns-message.ts'
import { encodeMessage } from '../src/encode.ts'
import { announcedOn, type Link } from '../src/lan-address.ts'
import { defaults, link, newPeer, own, texts, Wire } from './wire.ts'

const { service } = defaults
const utf8 = new TextEncoder()
let peer: PeerId
let other: PeerId
beforeAll(async () => {
  ;[peer, other] = [await newPeer(), await newPeer()]
})

const text = (name: string, strings: readonly string[], ttlSeconds = 120): DnsRecord => ({
  type: 'TXT',
  name: `${name}.${service}`,
  ttlSeconds,
  strings: strings.map((string) => utf8.encode(string))
})
const pointer = (name: string, ttlSeconds = 120): DnsRecord => ({
  type: 'PTR',
  name: service,
  ttlSeconds,
  target: `${name}.${service}`
})
const response = (answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []): Uint8Array =>
  encodeMessage({ response: true, answers, additionals })

async function hearer(options: Partial<typeof defaults> = {}) {
  const wire = new Wire()
  const { core } = await wire.station({ maxPacketsPerSource: 1e6, maxPackets: 1e6, ...options })
  const hear = (bytes: Uint8Array, source = '10.0.0.9', at = 0) => core.receive(bytes, source, wire.now + at)
  return { core, hear }
}

describe('hearing', () => {
  test('addresses stand in TXT, among the answers or behind them, in one record or in several', async () => {
    const [one, two] = [`/ip4/10.0.0.9/tcp/1/p2p/${peer}`, `/ip4/10.0.0.9/tcp/2/p2p/${peer}`]
    for (const bytes of [
      response([pointer('a'), text('a', [`dnsaddr=${one}`, `dnsaddr=${two}`])]),
      response([pointer('a')], [text('a', [`dnsaddr=${one}`, `dnsaddr=${two}`])]),
      response([pointer('a'), text('a', [`dnsaddr=${one}`])], [text('a', [`dnsaddr=${two}`])]),
      response([text('a', ['txtvers=1', `dnsaddr=${one}`, '', `dnsaddr=${two}`])])
    ]) {
      const { hear } = await hearer()
      const found = hear(bytes)
      expect(found.map(({ id }) => id.toString())).toEqual([peer.toString()])
      expect(texts(found[0])).toEqual([one, two])
      expect(found[0]?.ttlMs).toBe(120_000)
    }
  })

  test('the name of a peer is what a PTR of the service says, under that service or not', async () => {
    const strings = [`dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${peer}`]
    const record = { ...text('', strings), name: 'made-up' } as DnsRecord
    for (const [name, count] of [
      [service, 1],
      ['_http._tcp.local', 0]
    ] as const) {
      const { hear } = await hearer()
      const answer: DnsRecord = { type: 'PTR', name, ttlSeconds: 120, target: 'made-up' }
      expect(hear(response([answer], [record]))).toHaveLength(count)
    }
  })

  test('one packet may tell of several peers', async () => {
    const { hear, core } = await hearer()
    const found = hear(
      response(
        [pointer('a'), pointer('b')],
        [
          text('a', [`dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${peer}`]),
          text('b', [`dnsaddr=/ip4/10.0.0.8/tcp/1/p2p/${other}`])
        ]
      )
    )
    expect(found.map(({ id }) => id.toString())).toEqual([peer.toString(), other.toString()])
    expect(core.size).toBe(2)
  })

  test('what cannot be read, or is no address of a peer on this network, is left out', async () => {
    const { hear } = await hearer()
    const good = `/ip4/10.0.0.9/tcp/1/p2p/${peer}`
    const found = hear(
      response([
        text('a', [
          'dnsaddr=',
          'dnsaddr=/ip4/10.0.0.9/tcp',
          'dnsaddr=/ip4/10.0.0.9/tcp/1',
          'dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/nobody',
          `dnsaddr=/p2p/${peer}`,
          `dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/${peer}`,
          `dnsaddr=/ip6/::1/tcp/1/p2p/${peer}`,
          `dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/${peer}`,
          `dnsaddr=/ip6/2001:db8::1/tcp/1/p2p/${peer}`,
          `dnsaddr=/dns4/example.com/tcp/1/p2p/${peer}`,
          `dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${other}/p2p-circuit/p2p/${peer}`,
          `dnsaddr=${good}`
        ]),
        { ...text('a', [`dnsaddr=/ip4/10.0.0.9/tcp/9/p2p/${peer}`]), name: 'a._http._tcp.local' } as DnsRecord
      ])
    )
    expect(found).toHaveLength(1)
    expect(texts(found[0])).toEqual([good])
  })

  test('bytes that are no text are left out', async () => {
    const { hear } = await hearer()
    const strings = [Uint8Array.of(...utf8.encode('dnsaddr='), 0xff, 0xfe)]
    expect(hear(response([{ type: 'TXT', name: `a.${service}`, ttlSeconds: 1, strings }]))).toEqual([])
  })

  test('a link-local address gets the zone of the network it came from', async () => {
    const { hear } = await hearer()
    const found = hear(response([text('a', [`dnsaddr=/ip6/fe80::9/tcp/1/p2p/${peer}`])]))
    expect(texts(found[0])).toEqual([`/ip6zone/eth0/ip6/fe80::9/tcp/1/p2p/${peer}`])
  })

  test('a question with addresses in it tells of nobody', async () => {
    const { hear } = await hearer()
    const bytes = encodeMessage({
      response: false,
      questions: [{ name: service, type: recordTypes.PTR }],
      answers: [text('a', [`dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${peer}`])]
    })
    expect(hear(bytes)).toEqual([])
  })

  test('what is seen again is news when half of its time is over, and new addresses are at once', async () => {
    const { hear } = await hearer()
    const [one, two] = [`/ip4/10.0.0.9/tcp/1/p2p/${peer}`, `/ip4/10.0.0.9/tcp/2/p2p/${peer}`]
    const first = response([text('a', [`dnsaddr=${one}`], 100)])
    const both = response([text('b', [`dnsaddr=${one}`, `dnsaddr=${two}`], 100)])
    expect(hear(first)).toHaveLength(1)
    expect(hear(first, '10.0.0.9', 49_000)).toEqual([])
    expect(texts(hear(both, '10.0.0.9', 49_000)[0])).toEqual([two])
    expect(texts(hear(both, '10.0.0.9', 50_000)[0])).toEqual([one])
  })

  test('nobody is believed for longer than an hour', async () => {
    const { hear } = await hearer()
    const found = hear(response([text('a', [`dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${peer}`], 0xffff_ffff)]))
    expect(found[0]?.ttlMs).toBe(3_600_000)
  })

  test('a peer is gone when it says so, by whichever record', async () => {
    for (const goodbye of [
      response([pointer('a', 0)]),
      response([text('a', [`dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${peer}`], 0)])
    ]) {
      const { hear, core } = await hearer()
      const hello = response([pointer('a'), text('a', [`dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${peer}`])])
      hear(hello)
      hear(response([pointer('b', 0)]))
      expect(core.size).toBe(1)
      expect(hear(goodbye)).toEqual([])
      expect(core.size).toBe(0)
      expect(hear(hello)).toHaveLength(1)
    }
  })

  test('a peer that goes by a new name each time, as rust-libp2p does, is one peer', async () => {
    const { hear, core } = await hearer()
    for (let count = 0; count < 100; count++) {
      hear(response([text(`name-${count}`, [`dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${peer}`])]))
    }
    expect(core.size).toBe(1)
    hear(response([pointer('name-3', 0)]))
    expect(core.size).toBe(1)
    hear(response([pointer('name-99', 0)]))
    expect(core.size).toBe(0)
  })

  test('peers that are no longer seen are forgotten', async () => {
    const wire = new Wire()
    const { core } = await wire.station()
    core.receive(response([text('a', [`dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${peer}`], 100)]), '10.0.0.9', wire.now)
    wire.run(60_000)
    expect(core.size).toBe(1)
    wire.run(120_000)
    expect(core.size).toBe(0)
  })
})

describe('bounds of what is known', () => {
  const crowd = async (size: number): Promise<Uint8Array[]> => {
    const peers = await Promise.all(Array.from({ length: size }, newPeer))
    return peers.map((id, at) => response([text(`crowd-${at}`, [`dnsaddr=/ip4/10.0.0.9/tcp/1/p2p/${id}`])]))
  }

  test('peers that one source brings up', async () => {
    const { hear, core } = await hearer({ maxPeersPerSource: 3 })
    const [first, ...packets] = await crowd(10)
    expect(packets.concat(first as Uint8Array).flatMap((bytes) => hear(bytes))).toHaveLength(3)
    expect(core.size).toBe(3)
    // Those of others are heard.
    expect(hear(first as Uint8Array, '10.0.0.10')).toHaveLength(1)
    // A goodbye makes no room, time does.
    hear(response([pointer('crowd-1', 0)]))
    expect(hear(packets.at(-1) as Uint8Array)).toEqual([])
    expect(hear(packets.at(-1) as Uint8Array, '10.0.0.9', 20_000)).toHaveLength(1)
  })

  test('peers that are known: the one that was seen longest ago is forgotten', async () => {
    const { hear, core } = await hearer({ maxPeers: 4 })
    const packets = await crowd(8)
    for (const [at, bytes] of packets.entries()) expect(hear(bytes, `10.0.0.${at + 1}`, at * 20_000)).toHaveLength(1)
    expect(core.size).toBe(4)
    expect(hear(packets[7] as Uint8Array, '10.0.0.8', 160_000)).toEqual([])
    expect(hear(packets[0] as Uint8Array, '10.0.0.1', 160_000)).toHaveLength(1)
  })

  test('peers that are met, whoever brings them up', async () => {
    const { hear } = await hearer({ maxPeers: 4 })
    const packets = await crowd(40)
    expect(packets.flatMap((bytes, at) => hear(bytes, `10.0.0.${at + 1}`))).toHaveLength(4)
  })

  test('addresses of one peer', async () => {
    const { hear } = await hearer({ maxAddresses: 3 })
    const strings = Array.from({ length: 9 }, (_, at) => `dnsaddr=/ip4/10.0.0.9/tcp/${at + 1}/p2p/${peer}`)
    expect(texts(hear(response([text('a', strings)]))[0])).toHaveLength(3)
  })

  test('addresses of one packet that are looked at', async () => {
    const { hear } = await hearer({ maxAddresses: 1000 })
    const strings = Array.from({ length: 100 }, (_, at) => `dnsaddr=/ip4/10.0.0.9/tcp/${at + 1}/p2p/${peer}`)
    expect(texts(hear(response([text('a', strings)]))[0])).toHaveLength(64)
  })
})

describe('telling', () => {
  const announced = (addresses: readonly string[]) =>
    announcementPackets({
      service,
      peerName: 'somebody',
      ttlSeconds: 120,
      addresses: addresses.map((address) => multiaddr(address))
    })

  test('what does not fit into one packet goes into several, each of which stands for itself', async () => {
    const addresses = Array.from({ length: 64 }, (_, at) => `/ip4/10.0.0.9/udp/${4001 + at}/quic-v1/p2p/${peer}`)
    const packets = announced(addresses)
    expect(packets.length).toBeGreaterThan(3)
    for (const bytes of packets) {
      expect(bytes.length).toBeLessThanOrEqual(1400)
      expect(decodeMessage(bytes)).toMatchObject({ pointers: [{ target: `somebody.${service}` }] })
    }
    const { hear } = await hearer({ maxAddresses: 64 })
    expect(packets.flatMap((bytes) => texts(hear(bytes)[0]))).toEqual(addresses)
  })

  test('an address that TXT cannot take is left out', () => {
    const long = `/ip4/10.0.0.9/tcp/443/tls/sni/${'a'.repeat(200)}.example/ws/p2p/${peer}`
    const packets = announced([long, `/ip4/10.0.0.9/tcp/1/p2p/${peer}`])
    expect(packets).toHaveLength(1)
    expect(decodeMessage(packets[0] as Uint8Array).texts[0]?.strings).toHaveLength(1)
    expect(announced([long])).toEqual([])
  })

  const lan = link('10.0.0.1')
  const cable = link('192.168.7.1', 'docker0', '192.168.7.')
  const itself: Link = { ...link('127.0.0.1', 'lo', '127.'), loopback: true }
  const told = (on: Link, ...addresses: string[]): string[] =>
    announcedOn(on, own(...addresses), [lan, cable]).map(String)

  test('on each network, only the addresses there are told, TCP first', () => {
    const all = [
      '/ip4/10.0.0.1/tcp/2/ws',
      '/ip4/10.0.0.1/udp/3/quic-v1',
      '/ip4/10.0.0.1/tcp/1',
      '/ip4/192.168.7.1/tcp/1',
      '/ip4/127.0.0.1/tcp/1',
      '/ip6/::1/tcp/1',
      '/ip6/fe80::1/tcp/1',
      '/ip4/203.0.113.5/tcp/1',
      '/dns4/example.com/tcp/1',
      '/memory/1',
      `/ip4/10.0.0.1/tcp/1/p2p/${peer}/p2p-circuit`
    ]
    expect(told(lan, ...all)).toEqual(['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.1/udp/3/quic-v1', '/ip4/10.0.0.1/tcp/2/ws'])
    expect(told(cable, ...all)).toEqual(['/ip4/192.168.7.1/tcp/1'])
    expect(told(itself, '/ip4/127.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/1')).toHaveLength(2)
  })

  test('of addresses that were announced by hand those that lead into the network are told, of others those listened on', () => {
    const address = multiaddr('/ip4/10.0.0.250/tcp/1')
    const ask = (source: 'announced' | 'observed' | 'mapped' | 'listen', at = address) =>
      announcedOn(lan, [{ address: at, source, reachability: 'unknown' }], [lan, cable])
    expect(ask('announced')).toEqual([address])
    expect(ask('announced', multiaddr('/ip4/203.0.113.5/tcp/1'))).toEqual([])
    expect(ask('announced', multiaddr('/ip4/192.168.7.1/tcp/1'))).toEqual([])
    for (const source of ['observed', 'mapped', 'listen'] as const) expect(ask(source)).toEqual([])
  })
})
