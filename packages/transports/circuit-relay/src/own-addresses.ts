import type { Multiaddr } from '@multiformats/multiaddr'
import { isRelayed, kindOf } from '@peerloom/addresses'
import type { OwnAddress, PeerId } from '@peerloom/interface'

/** As many as leave room for the rest of a message of 4 KiB. */
const maxAddresses = 16
const maxBytes = 2048

/** A relay's addresses for its clients, each with the relay's id: the public ones, or all when there are none. */
export function ownAddresses(own: readonly OwnAddress[], self: PeerId): Uint8Array[] {
  const direct = own.map(({ address }) => address).filter((address) => !isRelayed(address))
  const chosen: Uint8Array[] = []
  let room = maxBytes
  for (const address of preferPublic(direct).slice(0, maxAddresses)) {
    const named = address.getComponents().at(-1)?.name === 'p2p' ? address : address.encapsulate(`/p2p/${self}`)
    room -= named.bytes.length + 2
    if (room < 0) break
    chosen.push(named.bytes)
  }
  return chosen
}

/** The public ones, when there are any. */
export function preferPublic(addresses: readonly Multiaddr[]): readonly Multiaddr[] {
  const everywhere = addresses.filter((address) => kindOf(address).scope === 'public')
  return everywhere.length > 0 ? everywhere : addresses
}
