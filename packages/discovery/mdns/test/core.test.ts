import { describe, expect, test } from 'vitest'
import { recordTypes } from '../src/dns-message.ts'
import { encodeMessage } from '../src/encode.ts'
import { defaults, link, own, texts, Wire } from './wire.ts'

const { service } = defaults
const query = encodeMessage({ response: false, questions: [{ name: service, type: recordTypes.PTR }] })
const utf8 = new TextEncoder()

describe('asking', () => {
  test('questions become rarer up to the interval', async () => {
    const wire = new Wire()
    const { ip } = await wire.station({ intervalMs: 10_000 })
    wire.run(60_000)
    const at = wire.queries(ip).map((one) => one.at)
    const pauses = at.slice(1).map((time, index) => time - (at[index] as number))
    expect(at[0]).toBeGreaterThanOrEqual(20)
    expect(at[0]).toBeLessThanOrEqual(120)
    expect(pauses.slice(0, 6)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000])
  })

  test('where many are, one question serves all', async () => {
    const wire = new Wire()
    let luck = 0
    for (let count = 0; count < 20; count++) {
      await wire.station({ intervalMs: 30_000, random: () => (luck = (luck * 7 + 0.137) % 1) })
    }
    wire.run(600_000)
    const late = wire.queries().filter(({ at }) => at > 300_000)
    expect(late.length).toBeGreaterThanOrEqual(8)
    expect(late.length).toBeLessThan(30)
  })

  test('somebody who asks without end does not keep us from asking', async () => {
    const wire = new Wire()
    const { ip } = await wire.station({ intervalMs: 10_000 })
    for (let second = 0; second < 300; second++) {
      wire.run(1000)
      wire.send(query, '10.0.0.99')
    }
    expect(wire.queries(ip).length).toBeGreaterThanOrEqual(4)
  })

  test('with a new network it begins anew, and without any it is silent', async () => {
    const wire = new Wire()
    const { core, ip } = await wire.station()
    wire.run(300_000)
    const before = wire.queries(ip).length
    core.setLinks([link('10.0.0.1'), link('10.0.0.2', 'eth1')], wire.now)
    wire.run(8000)
    // On two networks at once.
    expect(wire.queries(ip).length - before).toBeGreaterThanOrEqual(6)
    core.setLinks([], wire.now)
    wire.run(300)
    const silent = wire.sent.length
    wire.run(300_000)
    expect(wire.sent).toHaveLength(silent)
    expect(core.nextAt).toBe(Infinity)
  })
})

describe('answering', () => {
  test('its own question is answered, so that those who only listen learn of it', async () => {
    const wire = new Wire()
    const shy = await wire.station({ broadcast: false })
    const { id } = await wire.station()
    wire.run(500)
    expect(shy.found.map((found) => found.id.toString())).toEqual([id.toString()])
    expect(wire.answers(shy.ip)).toEqual([])
  })

  test('nobody is answered more than once a second', async () => {
    const wire = new Wire()
    const { ip } = await wire.station()
    wire.run(500)
    const before = wire.answers(ip).length
    for (let count = 0; count < 300; count++) {
      wire.run(10)
      wire.send(query, `10.0.0.${100 + (count % 100)}`)
    }
    expect(wire.answers(ip).length - before).toBeLessThanOrEqual(3)
    expect(wire.answers(ip).length - before).toBeGreaterThanOrEqual(2)
  })

  test('each kind of question gets the records it asks for', async () => {
    const wire = new Wire()
    const { ip } = await wire.station({ peerName: 'somebody', intervalMs: 1e9 })
    // Its own questions are hours apart by now.
    wire.run(1e8)
    const ask = (name: string, type: number) => {
      wire.run(5000)
      const before = wire.answers(ip).length
      wire.send(encodeMessage({ response: false, questions: [{ name, type }] }), '10.0.0.9')
      wire.run(900)
      return wire
        .answers(ip)
        .slice(before)
        .map(({ message }) => message)
    }
    const { PTR, TXT, SRV, A, AAAA, ANY } = recordTypes
    const name = `somebody.${service}`
    for (const type of [PTR, ANY]) {
      expect(ask(service, type)[0]?.pointers[0]).toMatchObject({ name: service, target: name, ttlSeconds: 120 })
      expect(ask('_services._dns-sd._udp.local', type)[0]?.pointers[0]).toMatchObject({ target: service })
      // However it is written.
      expect(ask('_P2P._UDP.Local', type)).toHaveLength(1)
    }
    for (const type of [TXT, SRV, ANY]) expect(ask(name, type)[0]?.texts[0]?.name).toBe(name)
    for (const type of [A, AAAA, ANY]) expect(ask('somebody.p2p.local', type)).toHaveLength(1)
    for (const [other, type] of [
      [service, A],
      [name, A],
      ['nobody.p2p.local', A],
      ['_http._tcp.local', PTR]
    ] as const) {
      expect(ask(other, type), `${other} ${type}`).toEqual([])
    }
  })

  test('who knows us already is not told again', async () => {
    const wire = new Wire()
    const { ip } = await wire.station({ peerName: 'somebody', intervalMs: 1e9 })
    wire.run(1e8)
    const answers = wire.answers(ip).length
    const known = (ttlSeconds: number, target: string): void =>
      wire.send(
        encodeMessage({
          response: false,
          questions: [{ name: service, type: recordTypes.PTR }],
          answers: [{ type: 'PTR', name: service, ttlSeconds, target }]
        }),
        '10.0.0.9'
      )
    known(60, `somebody.${service}`)
    wire.run(900)
    expect(wire.answers(ip)).toHaveLength(answers)
    known(59, `somebody.${service}`)
    wire.run(900)
    expect(wire.answers(ip)).toHaveLength(answers + 1)
    wire.run(500)
    known(60, `somebody-else.${service}`)
    wire.run(900)
    expect(wire.answers(ip)).toHaveLength(answers + 2)
  })

  test('without an address there is nothing to say', async () => {
    const wire = new Wire()
    const { ip } = await wire.station({}, [])
    wire.run(10_000)
    wire.send(query, '10.0.0.9')
    wire.run(1000)
    expect(wire.queries(ip).length).toBeGreaterThan(2)
    expect(wire.answers(ip)).toEqual([])
  })

  test('a new address is told at once', async () => {
    const wire = new Wire()
    const listener = await wire.station()
    const { core, ip, id } = await wire.station({}, [])
    wire.run(10_000)
    core.setAddresses(own(`/ip4/${ip}/tcp/7`), wire.now)
    wire.run(200)
    expect(listener.found.flatMap(texts)).toEqual([`/ip4/${ip}/tcp/7/p2p/${id}`])
  })

  test('who leaves says so, and is news when it comes back', async () => {
    const wire = new Wire()
    const stays = await wire.station()
    const leaves = await wire.station()
    wire.run(10_000)
    expect(stays.found).toHaveLength(1)
    expect(stays.core.size).toBe(1)
    for (const { bytes } of leaves.core.goodbye()) wire.send(bytes, leaves.ip)
    expect(stays.core.size).toBe(0)
    // No address in it: js-libp2p would take the goodbye for a peer.
    expect(wire.sent.at(-1)?.message).toMatchObject({ texts: [], pointers: [{ ttlSeconds: 0 }] })
    wire.run(120_000)
    expect(stays.found.length).toBeGreaterThan(1)
  })

  test('who never said anything has no goodbye to say', async () => {
    const { core } = await new Wire().station()
    expect(core.goodbye()).toEqual([])
  })
})

describe('under attack', () => {
  const someone = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'
  const told = (strings: readonly string[], name = `x.${service}`, ttlSeconds = 120): Uint8Array =>
    encodeMessage({
      response: true,
      answers: [{ type: 'TXT', name, ttlSeconds, strings: strings.map((string) => utf8.encode(string)) }]
    })

  test('packets from outside of the network are neither answered nor believed', async () => {
    const wire = new Wire()
    const { core, ip, found } = await wire.station()
    wire.run(10_000)
    const before = wire.answers(ip).length
    for (const source of ['192.0.2.1', '10.0.1.1', 'fe80::1%eth7', '2001:db8::1']) {
      wire.send(query, source)
      wire.send(told([`dnsaddr=/ip4/10.0.0.7/tcp/1/p2p/${someone}`]), source)
    }
    wire.run(900)
    expect(wire.answers(ip)).toHaveLength(before)
    expect([found, core.size]).toEqual([[], 0])
  })

  test('a flood from one machine is cut off, and others are heard', async () => {
    const wire = new Wire()
    const { core, found } = await wire.station()
    const other = await wire.station()
    for (let count = 0; count < 10_000; count++) core.receive(new Uint8Array(12), '10.0.0.66', wire.now)
    const packet = told([`dnsaddr=/ip4/10.0.0.66/tcp/1/p2p/${someone}`])
    expect(core.receive(packet, '10.0.0.66', wire.now)).toEqual([])
    wire.run(500)
    expect(found.map(({ id }) => id.toString())).toEqual([other.id.toString()])
    // And with the flood the ban is over.
    expect(core.receive(packet, '10.0.0.66', wire.now + 1000)).toHaveLength(1)
  })

  test('a flood from everywhere is cut off too', async () => {
    const wire = new Wire()
    const { core } = await wire.station({ maxPackets: 100 })
    let heard = 0
    for (let count = 0; count < 1000; count++) {
      const packet = told([`dnsaddr=/ip4/10.0.0.7/tcp/${count + 1}/p2p/${someone}`])
      heard += core.receive(packet, `10.0.0.${count % 250}`, wire.now).length
    }
    expect(heard).toBeLessThanOrEqual(200)
  })

  test('garbage does no harm', async () => {
    const wire = new Wire()
    const { core } = await wire.station({ maxPacketsPerSource: 1e6, maxPackets: 1e6 })
    for (let length = 0; length < 2000; length += 7) {
      expect(core.receive(new Uint8Array(length).fill(length & 0xff), '10.0.0.9', wire.now)).toEqual([])
    }
    expect(core.receive(told([`dnsaddr=/ip4/10.0.0.7/tcp/1/p2p/${someone}`]), '10.0.0.9', wire.now)).toHaveLength(1)
  })
})
