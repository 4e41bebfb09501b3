import { type Outbound, type Rpc, rpcBytes } from '@peerloom/pubsub'
import { EventLog } from '../engine/event-log.ts'
import { NodeEvents } from '../engine/node-events.ts'
import { Random } from '../engine/random.ts'
import { eventKinds as kinds } from './event-kinds.ts'
import type { KindCounts } from './kinds.ts'
import type { Link } from './link.ts'
import { Links } from './links.ts'
import { signedMessageBytes, simMessageId, SimMessage, simPeerId } from './message.ts'
import { type NetworkOptions, type ResolvedNetworkOptions, resolveOptions } from './options.ts'
import { settle } from './regions.ts'
import type { Resident } from './resident.ts'
import { Sides } from './sides.ts'
import { Slots } from './slots.ts'
import { Traffic } from './traffic.ts'
import { Wires } from './wires.ts'

/** What a network tells of what happens in it. */
export interface NetworkObserver {
  /** A message arrives at a node, the first time or again. */
  arrived?(message: SimMessage, to: number): void
  /** A message is about to be published. */
  published?(message: SimMessage): void
}

/**
 * A network of nodes under virtual time, at the level of RPCs: nothing is encoded, everything has its size. Who lives in the
 * nodes fills the queues of links; the network empties them (`Traffic`).
 */
export class Network {
  readonly options: ResolvedNetworkOptions
  readonly log: EventLog = new EventLog()
  readonly regionOf: Uint8Array
  readonly peerIds: readonly string[]
  observer: NetworkObserver = {}
  /** For whoever lives in the nodes. */
  readonly random: Random
  readonly messages: SimMessage[] = []
  readonly #time: NodeEvents
  readonly #wires: Wires
  readonly #traffic: Traffic
  readonly #links: Links
  readonly #residents: (Resident | undefined)[]
  /** Counts who has lived in each node: timers of who left are not for who came. */
  readonly #tenancies: Int32Array
  readonly #calls = new Slots<() => void>()
  readonly #seqnos: Float64Array
  readonly #sides = new Sides()
  /** What is dialled again when the split is over. */
  #cut: (readonly [from: number, to: number])[] = []

  constructor(options: NetworkOptions) {
    this.options = resolveOptions(options)
    const { nodes, seed, regions } = this.options
    const random = new Random(seed)
    const places = random.fork()
    this.random = random.fork()
    const ids = random.fork()
    this.regionOf = settle(regions, nodes, places)
    this.peerIds = Array.from({ length: nodes }, (_, node) => simPeerId(node, ids))
    this.#wires = new Wires(this.options, options, this.regionOf, random.fork())
    this.#time = new NodeEvents(nodes, this.#wires.shortestUs)
    this.#traffic = new Traffic(this.#time, this.#wires)
    this.#links = new Links(nodes)
    this.#residents = Array.from({ length: nodes })
    this.#tenancies = new Int32Array(nodes)
    this.#seqnos = new Float64Array(nodes)
  }

  /** Milliseconds of virtual time since the start. */
  get nowMs(): number {
    return this.#time.now / 1000
  }

  /** The same in microseconds, whole. */
  get nowUs(): number {
    return this.#time.now
  }

  /** Connections that are up. */
  get connections(): number {
    return this.#links.size / 2
  }

  /** What was sent so far. */
  get sent(): KindCounts {
    return this.#traffic.sent
  }

  /** Things that are on their way, and events that wait: nothing of either is left of a network that was taken down. */
  get pending(): { readonly rpcs: number; readonly events: number; readonly links: number; readonly calls: number } {
    return {
      rpcs: this.#traffic.rpcs,
      events: this.#time.length,
      links: this.#links.size,
      calls: this.#calls.length
    }
  }

  /** Puts somebody into an empty node, from now on. */
  place(node: number, resident: Resident): void {
    this.#residents[node] = resident
    const tenancy = (this.#tenancies[node] as number) + 1
    this.#tenancies[node] = tenancy
    const { beatMs } = resident
    // Heartbeats of a network are not in step.
    if (beatMs > 0) this.#time.push(this.#in(beatMs * this.random.float()), kinds.beat, node, tenancy, 0)
  }

  resident(node: number): Resident | undefined {
    return this.#residents[node]
  }

  /** Takes whoever is there out of the node; its connections end. */
  vacate(node: number): void {
    for (const link of [...this.#links.of(node).values()]) this.disconnect(link)
    this.#residents[node] = undefined
  }

  links(node: number): ReadonlyMap<number, Link> {
    return this.#links.of(node)
  }

  /** Whether one can dial the other, from where they are. */
  canDial(from: number, to: number): boolean {
    return !this.#sides.separate(from, to) && this.#wires.canDial(from, to)
  }

  /** Dials. False: the other cannot be reached, is there no more, or is connected. */
  connect(from: number, to: number): boolean {
    if (from === to || this.#residents[from] === undefined || this.#residents[to] === undefined) return false
    if (this.#links.has(from, to) || !this.canDial(from, to)) return false
    const trips = 2 * this.options.dialRoundTrips
    this.#time.script(this.#time.now + Math.round(trips * this.#wires.latencyUs(from, to)), kinds.linked, to, from, 0)
    return true
  }

  /** Ends a connection: this side at once, the other when it hears of it. */
  disconnect(link: Link): void {
    if (!link.isUp) return
    this.#down(link)
    const { twin } = link
    if (!twin.isUp) return
    this.#time.push(this.#wires.arrival(link, this.#time.now), kinds.unlinked, link.remote, twin.index, 0)
  }

  /** Ends a connection when what runs now has ended: for calls from inside of a router. */
  disconnectSoon(link: Link): void {
    if (link.isUp) this.#time.push(this.#time.now, kinds.closing, link.node, link.index, 0)
  }

  /** Splits the network: connections between sides are cut, and nobody dials across. */
  partition(sideOf: (node: number) => number): void {
    this.#sides.split(this.options.nodes, sideOf)
    for (let node = 0; node < this.options.nodes; node++) {
      for (const link of [...this.#links.of(node).values()]) {
        if (!this.#sides.separate(node, link.remote)) continue
        this.#cut.push(link.outbound ? [node, link.remote] : [link.remote, node])
        this.#down(link)
        this.#down(link.twin)
      }
    }
  }

  /** Ends the split. What was cut is dialled again, each inside of `withinMs`. */
  heal(withinMs = 1000): void {
    this.#sides.heal()
    for (const [from, to] of this.#cut) {
      this.call(this.random.float() * withinMs, () => void this.connect(from, to))
    }
    this.#cut = []
  }

  /** Something is in the link's queue, and nothing was before. */
  wake(link: Link): void {
    this.#traffic.wake(link)
  }

  /** Has a node publish a message of so many bytes, now. */
  publish(node: number, topic: string, payloadBytes: number, valid = true): SimMessage {
    const seqno = (this.#seqnos[node] as number) + 1
    this.#seqnos[node] = seqno
    const index = this.messages.length
    const author = this.peerIds[node] as string
    const message = new SimMessage({
      index,
      id: simMessageId(author, seqno),
      author,
      topic,
      bytes: signedMessageBytes(topic, payloadBytes),
      publisher: node,
      publishedUs: this.#time.now,
      valid
    })
    this.messages.push(message)
    this.#time.push(this.#time.now, kinds.publish, node, 0, index)
    return message
  }

  /** Calls the resident's `timer` with the number, after a time. */
  timer(node: number, delayMs: number, ref: number): void {
    this.#time.push(this.#in(delayMs), kinds.timer, node, this.#tenancies[node] as number, ref)
  }

  /** Calls back after a time: for scripts. It is an event like others. */
  call(delayMs: number, callback: () => void): void {
    this.#time.script(this.#in(delayMs), kinds.call, 0, 0, this.#calls.add(callback))
  }

  /** Lets virtual time go on. */
  run(forMs: number): void {
    this.#time.run(this.#in(forMs), this.#handle)
  }

  readonly #handle = (kind: number, to: number, from: number, ref: number): void => {
    this.log.add(this.#time.now, kind, to, from, ref)
    this.#dispatch(kind, to, from, ref)
    this.#traffic.send()
  }

  #dispatch(kind: number, to: number, from: number, ref: number): void {
    switch (kind) {
      case kinds.message:
      case kinds.messageDown: {
        const link = this.#links.get(from)
        if (link === undefined) return
        const message = this.messages[ref] as SimMessage
        if (kind === kinds.message && this.#traffic.waits(link, message.bytes, kinds.messageDown, ref)) return
        this.observer.arrived?.(message, link.node)
        this.#residents[link.node]?.receive(link, message.rpc)
        return
      }
      case kinds.rpc:
      case kinds.rpcDown: {
        const link = this.#links.get(from)
        const traffic = this.#traffic
        const isNew = kind === kinds.rpc && link !== undefined
        if (isNew && traffic.waits(link, traffic.rpcBytes(ref), kinds.rpcDown, ref)) return
        const rpc = traffic.take(ref)
        if (link !== undefined) this.#residents[link.node]?.receive(link, rpc)
        return
      }
      case kinds.uplink:
        this.#traffic.uplink(to)
        return
      case kinds.beat: {
        const resident = this.#residents[to]
        if (resident === undefined || from !== this.#tenancies[to]) return
        this.#time.push(this.#in(resident.beatMs), kinds.beat, to, from, 0)
        resident.beat()
        return
      }
      case kinds.timer:
        if (from === this.#tenancies[to]) this.#residents[to]?.timer(ref)
        return
      case kinds.linked:
        this.#up(from, to)
        return
      case kinds.unlinked: {
        const link = this.#links.get(from)
        if (link !== undefined) this.#down(link)
        return
      }
      case kinds.closing: {
        const link = this.#links.get(from)
        if (link !== undefined) this.disconnect(link)
        return
      }
      case kinds.publish: {
        const message = this.messages[ref] as SimMessage
        const resident = this.#residents[to]
        if (resident === undefined) return
        this.observer.published?.(message)
        resident.publish(message)
        return
      }
      case kinds.call:
        this.#calls.take(ref)?.()
    }
  }

  #up(from: number, to: number): void {
    const one = this.#residents[from]
    const two = this.#residents[to]
    if (one === undefined || two === undefined || this.#links.has(from, to) || !this.canDial(from, to)) return
    const [near, far] = this.#links.open(from, to)
    this.#wires.open(far.index)
    one.linked(near)
    two.linked(far)
  }

  #down(link: Link): void {
    if (!this.#links.close(link)) return
    this.#residents[link.node]?.unlinked(link)
    link.queue?.clear()
  }

  #in(delayMs: number): number {
    return this.#time.now + Math.round(delayMs * 1000)
  }
}

/** An RPC without messages, with its size. */
export function control(rpc: Rpc<never>): Outbound<SimMessage> {
  return { rpc, bytes: rpcBytes(rpc) }
}
