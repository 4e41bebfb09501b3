import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/** `<relay's address>/p2p/<relay>/p2p-circuit[/p2p/<target>]`, taken apart. */
export interface CircuitAddress {
  readonly relay: string
  /** How to reach the relay, with its id at the end; undefined when the address names it by its id only. */
  readonly relayAddress: Multiaddr | undefined
  readonly target: string | undefined
}

/**
 * Takes an address through one relay apart; undefined for any other: without a relay, through two of them, or one that goes
 * on behind the circuit (`/p2p-circuit/webrtc/…` is another transport's).
 */
export function parseCircuit(address: Multiaddr): CircuitAddress | undefined {
  const parts = address.getComponents()
  const at = parts.findIndex(({ name }) => name === 'p2p-circuit')
  const before = parts[at - 1]
  if (at < 1 || before?.name !== 'p2p' || before.value === undefined) return undefined
  const behind = parts[at + 1]
  const ends = behind === undefined || (behind.name === 'p2p' && behind.value !== undefined && parts.length === at + 2)
  if (!ends) return undefined
  return {
    relay: before.value,
    relayAddress: at === 1 ? undefined : multiaddr(parts.slice(0, at)),
    target: behind?.value
  }
}

/** Whether it is `/p2p-circuit`, which asks for any relay. */
export function isAnyRelay(address: Multiaddr): boolean {
  const [first, second] = address.getComponents()
  return first?.name === 'p2p-circuit' && second === undefined
}

/** The address of whoever is reached through a relay. */
export function throughRelay(relayAddress: Multiaddr, relay: string): Multiaddr {
  const parts = relayAddress.getComponents()
  const named = parts.at(-1)?.name === 'p2p'
  return relayAddress.encapsulate(named ? '/p2p-circuit' : `/p2p/${relay}/p2p-circuit`)
}
