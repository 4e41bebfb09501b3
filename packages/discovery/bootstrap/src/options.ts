import type { Multiaddr } from '@multiformats/multiaddr'
import { PeerloomError } from '@peerloom/interface'

export interface BootstrapOptions {
  /** Where to begin. `/dnsaddr/…` stands for what it resolves to; without `/p2p/…`, whoever answers will do. */
  readonly list: readonly (string | Multiaddr)[]
  /** Peers are dialled while the node has fewer connections than this. Default 4; 0 only announces them. */
  readonly minConnections?: number
  /** Wait before the second try of a peer, in ms; it doubles with each one, and varies by half. Default 5,000. */
  readonly firstDelayMs?: number
  /** The longest such wait, before it varies, in ms. Default 300,000. */
  readonly maxDelayMs?: number
  /** Bound on one dial, in ms. Default 15,000. */
  readonly dialTimeoutMs?: number
  /** Dials under way at once. Default 4. */
  readonly parallelDials?: number
  /** Peers that were reached, kept in the node's datastore to be tried after a restart. Default 32; 0 keeps none. */
  readonly maxRemembered?: number
}

export type CheckedOptions = Required<Omit<BootstrapOptions, 'list'>>

const defaults: CheckedOptions = {
  minConnections: 4,
  firstDelayMs: 5000,
  maxDelayMs: 5 * 60_000,
  dialTimeoutMs: 15_000,
  parallelDials: 4,
  maxRemembered: 32
}

const least: CheckedOptions = {
  minConnections: 0,
  firstDelayMs: 1,
  maxDelayMs: 1,
  dialTimeoutMs: 1,
  parallelDials: 1,
  maxRemembered: 0
}

/** Throws ERR_INVALID_ARGUMENT for a number that makes no sense. */
export function checkedOptions(options: BootstrapOptions): CheckedOptions {
  const checked = { ...defaults }
  for (const name of Object.keys(defaults) as (keyof CheckedOptions)[]) {
    const value = options[name] ?? defaults[name]
    if (!(value >= least[name])) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `${name} is ${value}, it must be ${least[name]} or more`)
    }
    checked[name] = value
  }
  return checked
}
