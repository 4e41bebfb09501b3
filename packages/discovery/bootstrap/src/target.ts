import { isMultiaddr, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { parsePeerId } from '@peerloom/identity'
import { PeerloomError, type PeerId } from '@peerloom/interface'

/** Somebody to dial: a peer by all its addresses, or an address whose peer is not known. */
export interface Entry {
  /** The peer's name, or the address. */
  readonly key: string
  readonly peer: PeerId | undefined
  readonly addresses: readonly Multiaddr[]
}

/** Addresses of one peer become one entry. Throws ERR_INVALID_ARGUMENT. */
export function parseList(list: readonly (string | Multiaddr)[]): Entry[] {
  const entries = new Map<string, { peer: PeerId | undefined; addresses: Multiaddr[] }>()
  for (const item of list) {
    const address = parseAddress(item)
    const peer = peerOf(address)
    const key = peer?.toString() ?? address.toString()
    const entry = entries.get(key)
    if (entry === undefined) entries.set(key, { peer, addresses: [address] })
    else if (!entry.addresses.some((known) => known.equals(address))) entry.addresses.push(address)
  }
  return [...entries].map(([key, entry]) => ({ key, ...entry }))
}

/** An entry of addresses that a peer itself signed, which do not name it. */
export function entryOf(peer: PeerId, addresses: readonly Multiaddr[]): Entry {
  const key = peer.toString()
  const named = addresses.map((address) => (isNamed(address) ? address : multiaddr(`${address}/p2p/${key}`)))
  return { key, peer, addresses: named }
}

function parseAddress(item: string | Multiaddr): Multiaddr {
  let address: Multiaddr
  try {
    address = isMultiaddr(item) ? item : multiaddr(item)
  } catch (cause) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `the bootstrap list has ${String(item)}, no multiaddr`, { cause })
  }
  const parts = address.getComponents()
  if (parts.length === 0 || parts[0]?.name === 'p2p') {
    const why = parts.length > 1 ? 'which begins with a peer' : 'which is no address'
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `the bootstrap list has ${address}, ${why}`)
  }
  return address
}

const isNamed = (address: Multiaddr): boolean => address.getComponents().at(-1)?.name === 'p2p'

function peerOf(address: Multiaddr): PeerId | undefined {
  const last = address.getComponents().at(-1)
  return last?.name === 'p2p' && last.value !== undefined ? parsePeerId(last.value) : undefined
}
