import type { Random } from '../engine/random.ts'
import type { Link } from './link.ts'
import type { Nat, NetworkOptions, ResolvedNetworkOptions } from './options.ts'

const packetBytes = 1460
/**
 * What waits behind the sockets, in the queue of the system, and cannot be outrun any more: a millisecond, as Linux has it (TCP
 * small queues). What is small leaves without looking at the uplink again for each.
 */
const aheadUs = 1000
const natKinds: readonly Nat[] = ['public', 'cone', 'symmetric']

/** Microseconds a byte takes at so many Mbit/s; 0: none. */
const usPerByte = (mbps: number): number => (mbps === Number.POSITIVE_INFINITY ? 0 : 8 / mbps)

/**
 * What lies between nodes: how far it is, how much goes through, what is lost. Links are streams: what was sent first arrives
 * first, so jitter and loss hold back what is behind.
 */
export class Wires {
  readonly #options: ResolvedNetworkOptions
  readonly #random: Random
  readonly #regionOf: Uint8Array
  readonly #latencyUs: Float64Array
  readonly #regions: number
  readonly #up: Float64Array
  readonly #down: Float64Array
  /** Some node's downlink has a limit. */
  readonly hasDownlinks: boolean
  readonly #upFreeAt: Float64Array
  readonly #downFreeAt: Float64Array
  /** The node is told when its uplink is free. */
  readonly #isReserved: Uint8Array
  /** Links of the node that have something to send, in the order of their turns. */
  readonly #turns: Link[][]
  readonly #nat: Uint8Array
  #lastArrival = new Float64Array(1024)

  constructor(options: ResolvedNetworkOptions, given: NetworkOptions, regionOf: Uint8Array, random: Random) {
    const { nodes, regions } = options
    this.#options = options
    this.#random = random
    this.#regionOf = regionOf
    this.#regions = regions.names.length
    this.#latencyUs = Float64Array.from(regions.latencyMs.flat(), (ms) => ms * 1000)
    const perNode = <T>(of: ((node: number, random: Random) => T) | undefined, fallback: T): T[] =>
      Array.from({ length: nodes }, (_, node) => of?.(node, random) ?? fallback)
    this.#up = Float64Array.from(perNode(given.uplinkMbps, Number.POSITIVE_INFINITY), usPerByte)
    this.#down = Float64Array.from(perNode(given.downlinkMbps, Number.POSITIVE_INFINITY), usPerByte)
    this.hasDownlinks = this.#down.some((each) => each > 0)
    this.#nat = Uint8Array.from(perNode(given.nat, 'public'), (nat) => natKinds.indexOf(nat))
    this.#upFreeAt = new Float64Array(nodes)
    this.#downFreeAt = new Float64Array(nodes)
    this.#isReserved = new Uint8Array(nodes)
    this.#turns = Array.from({ length: nodes }, () => [])
  }

  canDial(from: number, to: number): boolean {
    if (this.#nat[to] === 0) return true
    return this.#options.holePunching && this.#nat[to] === 1 && this.#nat[from] === 1
  }

  /** What nobody hears of another sooner than. */
  get shortestUs(): number {
    return this.#latencyUs.reduce((shortest, each) => Math.min(shortest, each)) * (1 - this.#options.jitter)
  }

  /** One way, without jitter. */
  latencyUs(from: number, to: number): number {
    const at = (this.#regionOf[from] as number) * this.#regions + (this.#regionOf[to] as number)
    return this.#latencyUs[at] as number
  }

  /** When something that leaves at that time is at the other end, behind everything that left before. */
  arrival(link: Link, departUs: number, bytes = 0): number {
    const { jitter, loss } = this.#options
    const latency = this.latencyUs(link.node, link.remote)
    let at = departUs + latency
    if (jitter > 0) at += latency * jitter * (2 * this.#random.float() - 1)
    if (loss > 0) {
      const packets = Math.ceil((bytes + this.#options.frameBytes) / packetBytes)
      const lost = 1 - (1 - loss) ** packets
      // Sent again when the acknowledgements of what follows show the gap: a round trip later, and again.
      while (this.#random.float() < lost) at += 2 * latency
    }
    const { index } = link.twin
    const last = this.#lastArrival[index] as number
    const arrival = Math.max(Math.round(at), last)
    this.#lastArrival[index] = arrival
    return arrival
  }

  /** There are links of all numbers up to this one. */
  open(index: number): void {
    if (index < this.#lastArrival.length) return
    const more = new Float64Array(index * 2)
    more.set(this.#lastArrival)
    this.#lastArrival = more
  }

  /** Whether what the node sends takes time on its uplink. */
  isShaped(node: number): boolean {
    return (this.#up[node] as number) > 0
  }

  /** The link has something to send, and takes its turn behind the others. */
  join(link: Link): void {
    ;(this.#turns[link.node] as Link[]).push(link)
  }

  /** The link whose turn it is; undefined: none, or the uplink is taken, and what the system keeps for it is there. */
  next(node: number, nowUs: number): Link | undefined {
    return (this.#upFreeAt[node] as number) > nowUs + aheadUs ? undefined : (this.#turns[node] as Link[]).shift()
  }

  /** Takes the uplink for so many bytes, as soon as it is free; gives when the last of them has left. */
  occupy(node: number, nowUs: number, bytes: number): number {
    const until =
      Math.max(nowUs, this.#upFreeAt[node] as number) + (bytes + this.#options.frameBytes) * (this.#up[node] as number)
    this.#upFreeAt[node] = until
    return until
  }

  /** When the node is to look again, for the first who asks and only when somebody waits. */
  reserve(node: number): number | undefined {
    if (this.#isReserved[node] === 1 || (this.#turns[node] as Link[]).length === 0) return undefined
    this.#isReserved[node] = 1
    return Math.ceil((this.#upFreeAt[node] as number) - aheadUs)
  }

  release(node: number): void {
    this.#isReserved[node] = 0
  }

  /** When something whose last byte is there now has come through the downlink, which took in the bytes while they came. */
  through(node: number, nowUs: number, bytes: number): number {
    const each = this.#down[node] as number
    if (each === 0) return nowUs
    const done = Math.max(nowUs, (this.#downFreeAt[node] as number) + (bytes + this.#options.frameBytes) * each)
    this.#downFreeAt[node] = done
    return Math.ceil(done)
  }
}
