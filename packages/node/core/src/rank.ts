import type { Multiaddr } from '@multiformats/multiaddr'
import { kindOf, type AddressKind } from '@peerloom/addresses'

export interface RankedAddress {
  readonly address: Multiaddr
  /** When to start, in ms after the first; earlier when everything before it has failed. */
  readonly delayMs: number
}

/** Head start of one address over the next: the round trip that a better one would need. */
const publicStaggerMs = 250
const privateStaggerMs = 30
const relayDelayMs = 500

/** Lower is tried first: QUIC before TCP, IPv6 before IPv4 within each. */
const order: Record<AddressKind['transport'], number> = { quic: 0, webtransport: 1, tcp: 2, webrtc: 3, ws: 4, other: 5 }

const preference = (kind: AddressKind): number => order[kind.transport] * 2 + (kind.ip === 6 ? 0 : 1)

/**
 * Happy eyeballs as a pure function: the order in which addresses of one peer are tried, and how much later each starts
 * than the first. Private addresses and public ones run side by side; relayed ones wait for both.
 */
export function rank(addresses: readonly Multiaddr[]): RankedAddress[] {
  const kinds = addresses.map((address) => ({ address, kind: kindOf(address) }))
  const group = (chosen: (kind: AddressKind) => boolean, startMs: number, staggerMs: number): RankedAddress[] =>
    kinds
      .filter(({ kind }) => chosen(kind))
      .toSorted((a, b) => preference(a.kind) - preference(b.kind))
      .map(({ address }, at) => ({ address, delayMs: startMs + at * staggerMs }))

  const near = group((kind) => !kind.relayed && kind.scope !== 'public', 0, privateStaggerMs)
  const far = group((kind) => !kind.relayed && kind.scope === 'public', 0, publicStaggerMs)
  const direct = near.length + far.length
  const relayed = group((kind) => kind.relayed, direct === 0 ? 0 : relayDelayMs, publicStaggerMs)
  return [...near, ...far, ...relayed].toSorted((a, b) => a.delayMs - b.delayMs)
}
