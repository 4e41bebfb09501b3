import { PeerloomError } from '@peerloom/interface'
import { checkedServiceTag, defaultServiceTag } from './service-name.ts'

export interface MdnsOptions {
  /** UDP port. Default 5353; any other finds nobody but nodes with the same. */
  readonly port?: number
  /** The longest pause between questions, in ms; the first ones are shorter. Default 60,000. */
  readonly intervalMs?: number
  /** What peers are known by. Default `_p2p._udp.local`; another one makes a group of its own. */
  readonly serviceTag?: string
  /** Names of the interfaces to use. Default: all but loopback, which has to be named, and then is told of. */
  readonly interfaces?: readonly string[]
  /** False: find others without being found. Default true. */
  readonly broadcast?: boolean
  /** How long others may believe what we say, in ms. Default 120,000. */
  readonly ttlMs?: number
  /** Peers that are known at once, and that are met in a minute. Default 1,024. */
  readonly maxPeers?: number
  /** Peers that one IP address may bring up in a minute. Default 64. */
  readonly maxPeersPerSource?: number
  /** Addresses of one peer, of ourselves too. Default 16. */
  readonly maxAddresses?: number
  /** Packets from one IP address that are looked at, in a second; twice as many at once. Default 50. */
  readonly maxPacketsPerSource?: number
  /** Packets from everybody that are looked at, in a second; twice as many at once. Default 1,000. */
  readonly maxPackets?: number
}

export type CheckedOptions = Required<Omit<MdnsOptions, 'interfaces'>> & Pick<MdnsOptions, 'interfaces'>

const numbers = {
  port: 5353,
  intervalMs: 60_000,
  ttlMs: 120_000,
  maxPeers: 1024,
  maxPeersPerSource: 64,
  maxAddresses: 16,
  maxPacketsPerSource: 50,
  maxPackets: 1000
} as const

/** Throws ERR_INVALID_ARGUMENT. */
export function checkedOptions(options: MdnsOptions): CheckedOptions {
  const checked: Record<keyof typeof numbers, number> = { ...numbers }
  for (const name of Object.keys(numbers) as (keyof typeof numbers)[]) {
    const value = options[name] ?? numbers[name]
    if (!(value >= (name === 'intervalMs' || name === 'ttlMs' ? 1000 : 1)) || (name === 'port' && value > 65_535)) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `${name} is ${value}, which is out of range`)
    }
    checked[name] = value
  }
  const serviceTag = checkedServiceTag(options.serviceTag ?? defaultServiceTag)
  const { interfaces, broadcast = true } = options
  return { ...checked, serviceTag, broadcast, ...(interfaces === undefined ? {} : { interfaces }) }
}
