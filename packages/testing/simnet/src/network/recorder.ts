import type { RouterTrace } from '@peerloom/pubsub'
import { Histogram } from './histogram.ts'
import type { Link } from './link.ts'
import type { SimMessage } from './message.ts'
import type { Network } from './network.ts'

/** What the network was like at a moment, and in the time since the moment before. */
export interface Sample {
  readonly atMs: number
  /** Peers in the meshes of honest nodes, on average. */
  readonly meshDegree: number
  /** The share of sybils among them. */
  readonly sybilShare: number
  readonly deliveries: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly copiesPerDelivery: number
}

const latencyBuckets = 600_000
const latencyBucketMs = 0.1
const windowBuckets = 10_000
const windowBucketMs = 1

/** Counts what arrives where and when: deliveries, copies, who is in whose mesh. */
export class Recorder {
  readonly latency: Histogram = new Histogram(latencyBucketMs, latencyBuckets)
  readonly samples: Sample[] = []
  readonly trace: RouterTrace<SimMessage, Link>
  readonly #window = new Histogram(windowBucketMs, windowBuckets)
  readonly #network: Network
  readonly #isHonest: (node: number) => boolean
  /** Deliveries that there should be. */
  expected = 0
  copies = 0
  published = 0
  /** IWANT promises: messages that were asked for. */
  asked = 0
  #windowCopies = 0
  #meshed = 0
  #meshedSybils = 0
  #receivers = 0
  #reached = new Int32Array(1024)

  constructor(network: Network, isHonest: (node: number) => boolean = () => true) {
    this.#network = network
    this.#isHonest = isHonest
    const count = (link: Link, by: number): void => {
      if (!isHonest(link.node)) return
      this.#meshed += by
      if (!isHonest(link.remote)) this.#meshedSybils += by
    }
    this.trace = {
      graft: (peer) => count(peer.handle, 1),
      prune: (peer) => count(peer.handle, -1),
      iwant: (_peer, ids, direction) => {
        if (direction === 'sent') this.asked += ids
      }
    }
    network.observer = {
      arrived: (_message, to) => {
        if (!isHonest(to)) return
        this.copies++
        this.#windowCopies++
      },
      published: (message) => {
        this.published++
        this.expected += this.#receivers - 1
        if (message.index >= this.#reached.length) {
          const more = new Int32Array(message.index * 2)
          more.set(this.#reached)
          this.#reached = more
        }
      }
    }
  }

  get deliveries(): number {
    return this.latency.count
  }

  /** Nodes that every message published from now on should reach, its publisher included. */
  setReceivers(count: number): void {
    this.#receivers = count
  }

  /** How many nodes a message was delivered to. */
  reached(message: SimMessage): number {
    return this.#reached[message.index] as number
  }

  /** Hears of every delivery at a node. */
  readonly deliver = (message: SimMessage, node: number): void => {
    // Our own come back to nobody but a node that takes its own messages for news.
    if (node === message.publisher || !this.#isHonest(node)) return
    const ms = (this.#network.nowUs - message.publishedUs) / 1000
    this.latency.add(ms)
    this.#window.add(ms)
    this.#reached[message.index] = (this.#reached[message.index] as number) + 1
  }

  /** Takes a sample every so often, from now on. */
  sampleEvery(everyMs: number, untilMs: number): void {
    this.#network.call(everyMs, () => {
      this.sample()
      if (this.#network.nowMs + everyMs <= untilMs) this.sampleEvery(everyMs, untilMs)
    })
  }

  sample(): void {
    const window = this.#window
    this.samples.push({
      atMs: this.#network.nowMs,
      meshDegree: this.#receivers === 0 ? 0 : this.#meshed / this.#receivers,
      sybilShare: this.#meshed === 0 ? 0 : this.#meshedSybils / this.#meshed,
      deliveries: window.count,
      p50Ms: window.quantile(0.5),
      p99Ms: window.quantile(0.99),
      maxMs: window.max,
      copiesPerDelivery: window.count === 0 ? 0 : this.#windowCopies / window.count
    })
    window.clear()
    this.#windowCopies = 0
  }
}
