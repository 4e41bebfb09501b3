export interface CircuitRelayOptions {
  /** Relays to hold a reservation at while listening on `/p2p-circuit`, those that were named included. Default 2. */
  readonly relays?: number
  /** Relays that are remembered as ones to ask. Default 64. */
  readonly maxCandidates?: number
  /** Bound on a relay's answer to a reservation, in ms: another one is asked then. Default 4,000. */
  readonly reserveTimeoutMs?: number
  /** Bound on dialling a relay, in ms. Default 10,000. */
  readonly dialTimeoutMs?: number
  /** Bound on a relay's answer when it is to connect us, in ms. Default 15,000. */
  readonly connectTimeoutMs?: number
  /** Bound on what a relay says when it brings a circuit, in ms. Default 10,000. */
  readonly messageTimeoutMs?: number
  /** A relay that refused or was lost is left alone this long, then twice as long, and so on, in ms. Default 1,000. */
  readonly firstBackoffMs?: number
  /** The longest that a relay is left alone, in ms. Default 300,000. */
  readonly lastBackoffMs?: number
  /** While there are too few relays: how often some are looked for in the address book and the network, in ms. Default 30,000. */
  readonly searchIntervalMs?: number
  /** Circuits to us that one relay may have open at once. Default 64. */
  readonly maxCircuitsPerRelay?: number
}

export const defaultClientOptions: Required<CircuitRelayOptions> = {
  relays: 2,
  maxCandidates: 64,
  reserveTimeoutMs: 4000,
  dialTimeoutMs: 10_000,
  connectTimeoutMs: 15_000,
  messageTimeoutMs: 10_000,
  firstBackoffMs: 1000,
  lastBackoffMs: 300_000,
  searchIntervalMs: 30_000,
  maxCircuitsPerRelay: 64
}
