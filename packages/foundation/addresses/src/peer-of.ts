import type { Multiaddr } from '@multiformats/multiaddr'

/** The peer an address ends at: the last `/p2p/…`, unless a relay's circuit follows it. */
export function peerOf(address: Multiaddr): string | undefined {
  const last = address.getComponents().at(-1)
  return last?.name === 'p2p' ? last.value : undefined
}

export function isRelayed(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit')
}
