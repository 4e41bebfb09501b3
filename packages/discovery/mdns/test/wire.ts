import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import type { FoundPeer, OwnAddress, PeerId } from '@peerloom/interface'
import { type CoreOptions, MdnsCore } from '../src/core.ts'
import { decodeMessage } from '../src/decode.ts'
import type { ReceivedMessage } from '../src/dns-message.ts'
import type { Link } from '../src/lan-address.ts'

/** A network 10.0.0.0/24 as one of its machines sees it. */
export function link(ip: string, name = 'eth0', subnet = '10.0.0.'): Link {
  return { name, zone: name, ips: [ip], loopback: false, contains: (other) => other.startsWith(subnet) }
}

export const own = (...addresses: string[]): OwnAddress[] =>
  addresses.map((address) => ({ address: multiaddr(address), source: 'listen', reachability: 'unknown' }))

export const newPeer = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKey())

export const defaults: Omit<CoreOptions, 'self' | 'peerName'> = {
  service: '_p2p._udp.local',
  intervalMs: 60_000,
  ttlMs: 120_000,
  broadcast: true,
  maxPeers: 1024,
  maxPeersPerSource: 64,
  maxAddresses: 16,
  maxPacketsPerSource: 50,
  maxPackets: 1000,
  random: () => 0.5
}

interface Sent {
  readonly at: number
  readonly from: string
  readonly bytes: Uint8Array
  readonly message: ReceivedMessage
}

interface Station {
  readonly core: MdnsCore<Link>
  readonly ip: string
  readonly id: PeerId
  readonly found: FoundPeer[]
}

/** One network under virtual time: what a core sends arrives at all at once, at itself too. */
export class Wire {
  now = 1_700_000_000_000
  readonly start: number = this.now
  readonly sent: Sent[] = []
  readonly stations: Station[] = []

  async station(options: Partial<CoreOptions> = {}, addresses?: readonly OwnAddress[]): Promise<Station> {
    const ip = `10.0.0.${this.stations.length + 1}`
    const id = await newPeer()
    const peerName = `peer-${this.stations.length + 1}-${'x'.repeat(32)}`
    const core = new MdnsCore<Link>({ ...defaults, self: id, peerName, ...options }, this.now)
    core.setAddresses(addresses ?? own(`/ip4/${ip}/tcp/4001`), this.now)
    core.setLinks([link(ip)], this.now)
    const station = { core, ip, id, found: [] }
    this.stations.push(station)
    return station
  }

  /** Lets time go by, timer by timer. */
  run(forMs: number): void {
    const end = this.now + forMs
    for (;;) {
      const next = Math.min(...this.stations.map(({ core }) => core.nextAt))
      if (next > end) break
      this.now = Math.max(this.now, next)
      for (const { core, ip } of this.stations) {
        if (core.nextAt <= this.now) for (const { bytes } of core.tick(this.now)) this.send(bytes, ip)
      }
    }
    this.now = end
  }

  send(bytes: Uint8Array, from: string): void {
    this.sent.push({ at: this.now - this.start, from, bytes, message: decodeMessage(bytes) })
    for (const { core, found } of this.stations) found.push(...core.receive(bytes, from, this.now))
  }

  queries(from?: string): Sent[] {
    return this.sent.filter((one) => !one.message.response && (from === undefined || one.from === from))
  }

  answers(from?: string): Sent[] {
    return this.sent.filter((one) => one.message.response && (from === undefined || one.from === from))
  }
}

export const texts = (found: FoundPeer | undefined): string[] =>
  (found?.addresses ?? []).map((one: Multiaddr) => one.toString())
