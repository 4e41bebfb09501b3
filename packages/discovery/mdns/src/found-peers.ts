import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { parsePeerId } from '@peerloom/identity'
import type { PeerId } from '@peerloom/interface'
import type { ReceivedMessage } from './dns-message.ts'
import { dialable, type Link } from './lan-address.ts'

/** What one packet says of one peer. */
export interface Sighting {
  readonly id: PeerId
  /** The name it goes by, which it may change any time: rust-libp2p makes a new one for each answer. */
  readonly instance: string
  readonly ttlSeconds: number
  readonly addresses: Multiaddr[]
}

/** Addresses of one packet that are looked at: parsing them is most of the work that a packet makes. */
const maxAddresses = 64

const utf8 = new TextDecoder('utf-8', { fatal: true })
const prefix = 'dnsaddr='

/** The peers that a response tells of, each with those of its addresses that make sense there. */
export function sightings(message: ReceivedMessage, service: string, link: Link): Sighting[] {
  const found = new Map<string, Sighting>()
  // The names that rust-libp2p makes up are not under the service's.
  const named = new Set(message.pointers.filter(({ name }) => name === service).map(({ target }) => target))
  let left = maxAddresses
  for (const { name, ttlSeconds, strings } of message.texts) {
    if (!named.has(name) && !name.endsWith(`.${service}`)) continue
    for (const string of strings) {
      if (left-- <= 0) return [...found.values()]
      const address = parseEntry(string)
      const peer = address?.getComponents().at(-1)
      if (address === undefined || peer?.name !== 'p2p' || peer.value === undefined) continue
      const near = dialable(address, link)
      if (near === undefined) continue
      let sighting = found.get(peer.value)
      if (sighting === undefined) {
        const id = parseId(peer.value)
        if (id === undefined) continue
        sighting = { id, instance: name, ttlSeconds, addresses: [] }
        found.set(peer.value, sighting)
      }
      sighting.addresses.push(near)
    }
  }
  return [...found.values()]
}

/** Names of peers that say goodbye (RFC 6762 section 10.1). */
export function goodbyes(message: ReceivedMessage, service: string): string[] {
  return message.pointers
    .filter(({ name, ttlSeconds }) => name === service && ttlSeconds === 0)
    .map(({ target }) => target)
}

function parseEntry(string: Uint8Array): Multiaddr | undefined {
  try {
    const text = utf8.decode(string)
    return text.startsWith(prefix) ? multiaddr(text.slice(prefix.length)) : undefined
  } catch {
    return undefined
  }
}

function parseId(text: string): PeerId | undefined {
  try {
    return parsePeerId(text)
  } catch {
    return undefined
  }
}
