import { privateKeyFromRaw } from '@peerloom/identity'
import {
  type AbortOptions,
  type Clock,
  type Module,
  PeerloomError,
  type PrivateKey,
  type RandomBytes,
  type Transport
} from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { Random } from '../engine/random.ts'
import { Link } from '../network/link.ts'
import { type NetworkOptions, type ResolvedNetworkOptions, resolveOptions } from '../network/options.ts'
import { settle } from '../network/regions.ts'
import { Sides } from '../network/sides.ts'
import { Wires } from '../network/wires.ts'
import { type Carrier, LinkChannel } from './link-channel.ts'
import { VirtualTime } from './virtual-time.ts'

/** What a node of the network is made with, besides its own modules. */
export interface NodePlace {
  readonly privateKey: PrivateKey
  readonly clock: Clock
  readonly random: RandomBytes
  readonly addresses: { readonly listen: readonly string[] }
  readonly transports: readonly Module<Transport>[]
}

/**
 * A network for whole nodes, on a virtual clock: everything of them runs, down to the bytes of the handshake. Links have the
 * latency, bandwidth, loss and reachability of `NetworkOptions`.
 *
 * ```ts
 * using network = new NodeNetwork({ nodes: 2 })
 * const place = await network.place(0)
 * const options = { ...place, connectionEncryption: [noise()], streamMuxers: [yamux()] }
 * const node = await network.time.until(createNode(options))
 * await network.time.until(node.dial(network.address(1)))
 * ```
 *
 * Everything that takes time is waited for with `time.until`, which lets it pass.
 */
export class NodeNetwork implements Carrier, Disposable {
  readonly options: ResolvedNetworkOptions
  readonly time: VirtualTime
  readonly wires: Wires
  readonly #random: Random
  readonly #names = new MemoryNetwork()
  readonly #open = new Set<LinkChannel>()
  readonly #sides = new Sides()
  #links = 0

  constructor(options: NetworkOptions) {
    this.options = resolveOptions(options)
    const { nodes, seed, regions } = this.options
    const random = new Random(seed)
    this.time = new VirtualTime()
    this.wires = new Wires(this.options, options, settle(regions, nodes, random.fork()), random.fork())
    this.#random = random.fork()
  }

  [Symbol.dispose](): void {
    this.time[Symbol.dispose]()
  }

  /** Links that are up. */
  get connections(): number {
    return this.#open.size / 2
  }

  /** Where a node listens. */
  address(node: number): string {
    return `/memory/${nameOf(node)}`
  }

  /** The place of a node, to be spread into `createNode`. */
  async place(node: number): Promise<NodePlace> {
    const random = this.#random.fork()
    return {
      privateKey: await privateKeyFromRaw('Ed25519', random.bytes(32)),
      clock: this.time,
      random: (length) => random.bytes(length),
      addresses: { listen: [this.address(node)] },
      transports: [memory({ network: this.#names, link: (name, options) => this.#link(node, nodeOf(name), options) })]
    }
  }

  /** Loses all connections between two nodes. */
  cut(one: number, two: number): void {
    for (const channel of [...this.#open]) {
      const { node, remote } = channel.link
      if ((node === one && remote === two) || (node === two && remote === one)) channel.lose()
    }
  }

  /** Splits the network: connections between sides are lost, and nobody dials across. */
  partition(sideOf: (node: number) => number): void {
    this.#sides.split(this.options.nodes, sideOf)
    for (const channel of [...this.#open]) {
      if (this.#sides.separate(channel.link.node, channel.link.remote)) channel.lose()
    }
  }

  /** Ends the split. */
  heal(): void {
    this.#sides.heal()
  }

  over(channel: LinkChannel): void {
    this.#open.delete(channel)
  }

  /** A SYN and its answer; then there is a stream of bytes. */
  async #link(from: number, to: number, { signal }: AbortOptions): Promise<readonly [LinkChannel, LinkChannel]> {
    const isThere = to < this.options.nodes
    if (!isThere || this.#sides.separate(from, to) || !this.wires.canDial(from, to)) {
      throw new PeerloomError('ERR_ADDRESS_UNREACHABLE', `node ${to} cannot be reached from node ${from}`)
    }
    const near = this.#newLink(from, to, true)
    const far = this.#newLink(to, from, false)
    near.twin = far
    far.twin = near
    const { time, wires } = this
    const atFar = wires.arrival(near, time.nowUs)
    await new Promise<void>((resolve, reject) => {
      const timer = time.at(atFar, () => void time.at(wires.arrival(far, time.nowUs), done))
      const onAbort = (): void => {
        time.clearTimeout(timer)
        reject(signal?.reason)
      }
      const done = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    })
    signal?.throwIfAborted()
    const one = new LinkChannel(this, near)
    const two = new LinkChannel(this, far)
    one.twin = two
    two.twin = one
    this.#open.add(one)
    this.#open.add(two)
    return [one, two]
  }

  #newLink(node: number, remote: number, outbound: boolean): Link {
    const index = this.#links++
    this.wires.open(index)
    return new Link(index, node, remote, outbound)
  }
}

/** Not the number alone: `/memory/0` asks for any name. */
const nameOf = (node: number): string => `node-${node}`
const nodeOf = (name: string): number => Number(name.slice('node-'.length))
