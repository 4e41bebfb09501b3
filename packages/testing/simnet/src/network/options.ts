import { PeerloomError } from '@peerloom/interface'
import type { Random } from '../engine/random.ts'
import { oneRegion, type Regions } from './regions.ts'

/** Behind what a node is: others dial a public one, and two behind cones when holes are punched. */
export type Nat = 'public' | 'cone' | 'symmetric'

export interface NetworkOptions {
  /** How many nodes there are. */
  readonly nodes: number
  /** Names the run: the same seed and options give the same events. Default 1. */
  readonly seed?: number
  /** Where nodes are and how far apart. Default: all 25 ms from each other. */
  readonly regions?: Regions
  /** How far a latency may be off, as a share of it, drawn for each thing that is sent. Default 0.1. */
  readonly jitter?: number
  /** Mbit/s that a node sends with; Infinity: as much as it likes. Default: Infinity for all. */
  readonly uplinkMbps?: (node: number, random: Random) => number
  /** Mbit/s that a node receives with. Default: Infinity for all. */
  readonly downlinkMbps?: (node: number, random: Random) => number
  /** Bytes that each thing that is sent takes beyond itself: frames of muxer and security, TCP and IP. Default 64. */
  readonly frameBytes?: number
  /** The share of packets that is lost. A loss costs a round trip, and holds back what is behind it. Default 0. */
  readonly loss?: number
  /** Round trips from dialling to an open stream. Default 3: TCP, Noise with an agreed muxer, the stream's protocol. */
  readonly dialRoundTrips?: number
  /** What a node is behind. Default: all are public. */
  readonly nat?: (node: number, random: Random) => Nat
  /** Whether two nodes behind cones can connect. Default false. */
  readonly holePunching?: boolean
  /** How long validating a message takes, in ms. Default 0: at once. */
  readonly validationMs?: number
}

export interface ResolvedNetworkOptions {
  readonly nodes: number
  readonly seed: number
  readonly regions: Regions
  readonly jitter: number
  readonly frameBytes: number
  readonly loss: number
  readonly dialRoundTrips: number
  readonly holePunching: boolean
  readonly validationMs: number
}

const mostNodes = 1_000_000

export function resolveOptions(options: NetworkOptions): ResolvedNetworkOptions {
  const {
    nodes,
    seed = 1,
    regions = oneRegion(25),
    jitter = 0.1,
    frameBytes = 64,
    loss = 0,
    dialRoundTrips = 3,
    holePunching = false,
    validationMs = 0
  } = options
  const inRange = (name: string, value: number, low: number, high: number): void => {
    if (!(value >= low && value <= high)) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `${name} is ${value}, not in ${low} .. ${high}`)
    }
  }
  inRange('nodes', nodes, 1, mostNodes)
  inRange('jitter', jitter, 0, 1)
  inRange('loss', loss, 0, 0.5)
  inRange('frameBytes', frameBytes, 0, 65_536)
  inRange('dialRoundTrips', dialRoundTrips, 0, 100)
  inRange('validationMs', validationMs, 0, 60_000)
  return { nodes, seed, regions, jitter, frameBytes, loss, dialRoundTrips, holePunching, validationMs }
}
