import { until } from '@peerloom/conformance'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { buildForeignPeer } from '@peerloom/interop'
import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Lan, type Machine, type Program, whyNoLan } from './lan.ts'

const why = await whyNoLan()
if (why !== undefined) console.warn(`SKIPPED: ${why}; multicast DNS is not tried on a network segment`)

const hasAvahi = ['avahi-daemon', 'avahi-browse', 'dbus-daemon'].every((command) => {
  try {
    return execFileSync('sh', ['-c', `command -v ${command}`]).length > 0
  } catch {
    return false
  }
})
if (!hasAvahi) console.warn('SKIPPED: no avahi-daemon, avahi-utils and dbus; nothing is tried with Avahi')

const listen = ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0']
const idOf = (program: Program): string => {
  const ready = program.events.find(({ event }) => event === 'ready')
  return (ready?.['id'] ?? ready?.['peerId']) as string
}
const finds = (program: Program, other: Program) => program.event('found', ({ id }) => id === idOf(other))

describe.skipIf(why !== undefined)('on a network segment', { timeout: 60_000 }, () => {
  let lan: Lan
  beforeEach(async () => {
    lan = await Lan.create()
  })
  afterEach(() => lan.close())

  test('two nodes find each other, by IPv4 and IPv6, and connect', async () => {
    const [one, two] = [await lan.machine(), await lan.machine()]
    const here = await one.node('peerloom.ts', { listen })
    const there = await two.node('peerloom.ts', { listen })
    const addresses = (await finds(here, there))['addresses'] as string[]
    expect(addresses).toHaveLength(2)
    expect(addresses.some((address) => address.startsWith(`/ip4/${two.ip4}/tcp/`))).toBe(true)
    expect(addresses.some((address) => address.startsWith(`/ip6/${two.ip6}/tcp/`))).toBe(true)
    await finds(there, here)
    await here.event('connected', ({ id }) => id === idOf(there))
    await there.event('connected', ({ id }) => id === idOf(here))
    await here.stop()
    await here.event('stopped')
  })

  test('machines without IPv4 find each other', async () => {
    const [one, two] = [await lan.machine({ ip4: false }), await lan.machine({ ip4: false })]
    const here = await one.node('peerloom.ts', { listen: ['/ip6/::/tcp/0'] })
    const there = await two.node('peerloom.ts', { listen: ['/ip6/::/tcp/0'] })
    await Promise.all([finds(here, there), finds(there, here)])
  })

  test('a node that starts without a network finds others as soon as there is one', async () => {
    const [one, two] = [await lan.machine(), await lan.machine({ pluggedIn: false })]
    const here = await one.node('peerloom.ts', { listen })
    const there = await two.node('peerloom.ts', { listen: [`/ip6/::1/tcp/0`] })
    await two.plugIn()
    await finds(there, here)
  })

  test('nodes of another service do not meet', async () => {
    const machines = [await lan.machine(), await lan.machine(), await lan.machine()]
    const [one, two, three] = (await Promise.all(
      machines.map((machine, at) =>
        machine.node('peerloom.ts', { listen, mdns: { serviceTag: at === 0 ? '_p2p._udp.local' : '_mine._udp.local' } })
      )
    )) as [Program, Program, Program]
    await Promise.all([finds(two, three), finds(three, two)])
    expect(one.events.filter(({ event }) => event === 'found')).toEqual([])
    expect(two.events.some(({ id }) => id === idOf(one))).toBe(false)
  })

  test('js-libp2p finds us, and we find it', async () => {
    const [one, two] = [await lan.machine(), await lan.machine()]
    const ours = await one.node('peerloom.ts', { listen })
    const theirs = await two.node('js-libp2p.ts', { listen: ['/ip4/0.0.0.0/tcp/0'] })
    const [, seen] = await Promise.all([finds(ours, theirs), finds(theirs, ours)])
    expect(seen['addresses']).toHaveLength(2)
    await ours.event('connected', ({ id }) => id === idOf(theirs))
  })

  for (const [kind, flag] of [
    ['go', ['--mdns', '_p2p._udp']],
    ['rust', ['--mdns']]
  ] as const) {
    test(`${kind}-libp2p finds us, and we find it`, async ({ skip }) => {
      const binary = await buildForeignPeer(kind, { onlyCached: process.env['PEERLOOM_BUILD_PEERS'] !== '1' })
      if (binary === undefined) return skip('the peer is not built')
      const [one, two] = [await lan.machine(), await lan.machine()]
      const ours = await one.node('peerloom.ts', { listen })
      const theirs = two.start(binary, ['--listen', '/ip4/0.0.0.0/tcp/0', ...flag])
      await theirs.event('ready').catch((error: unknown) => {
        if (!theirs.output.includes('mdns')) throw error
        console.warn(`SKIPPED: this ${kind} peer has no --mdns`)
        skip('the peer has no --mdns')
      })
      await ours.event('connected', ({ id }) => id === idOf(theirs))
      let told = ''
      const end = Date.now() + 20_000
      while (!told.includes(idOf(ours)) && Date.now() < end) told = await theirs.ask('found')
      expect(told).toMatch(new RegExp(`${idOf(ours)}":\\[.*/ip4/${one.ip4}/tcp/`))
      expect((await finds(ours, theirs))['addresses']).toEqual([
        expect.stringMatching(new RegExp(`^/ip4/${two.ip4}/tcp/\\d+/p2p/${idOf(theirs)}$`))
      ])
    })
  }

  describe.skipIf(!hasAvahi)('with Avahi', () => {
    let machine: Machine
    let daemon: Program
    beforeEach(async () => {
      machine = await lan.machine()
      daemon = await machine.startAvahi()
    })

    test('avahi-browse shows us with our addresses, on its own machine and on another one, and that we left', async () => {
      const beside = await machine.node('peerloom.ts', { listen })
      const away = await (await lan.machine()).node('peerloom.ts', { listen })
      const watching = machine.avahi(daemon, 'avahi-browse', ['--parsable', '_p2p._udp'])
      await until('both are seen', () => new Set(watching.output.match(/^\+;eth0;IPv4;\w{40};/gm)).size === 2)

      const browse = machine.avahi(daemon, 'avahi-browse', ['-rtp', '_p2p._udp'])
      await browse.ended
      for (const node of [beside, away]) {
        const resolved = browse.output.split('\n').filter((line) => line.startsWith('=') && line.includes(idOf(node)))
        expect(resolved.join('\n')).toMatch(new RegExp(`"dnsaddr=/ip4/10\\.77\\.0\\.\\d+/tcp/\\d+/p2p/${idOf(node)}"`))
      }
      const types = machine.avahi(daemon, 'avahi-browse', ['-atp'])
      await types.ended
      expect(types.output).toContain(';_p2p._udp;local')

      await away.stop()
      await until('one has left', () => /^-;eth0;IPv4;\w{40};/m.test(watching.output))
      expect(new Set(watching.output.match(/^-;eth0;IPv4;\w{40};/gm)).size).toBe(1)
    })

    test('a service that avahi-publish tells of is found', async () => {
      const peer = peerIdFromPrivateKey(await generateKey())
      const node = await (await lan.machine()).node('peerloom.ts', { listen })
      const text = `dnsaddr=/ip4/10.77.0.200/tcp/4001/p2p/${peer}`
      machine.avahi(daemon, 'avahi-publish', ['-s', 'someone', '_p2p._udp', '4001', text])
      await node.event('found', ({ id }) => id === peer.toString())
    })
  })
})
