import { type Outbound, type Rpc, rpcBytes } from '@peerloom/pubsub'
import { EventLog } from '../engine/event-log.ts'
import { EventWheel } from '../engine/event-wheel.ts'
import { Random } from '../engine/random.ts'
import { KindCounts } from './kinds.ts'
import { Link } from './link.ts'
import { signedMessageBytes, simMessageId, SimMessage, simPeerId } from './message.ts'
import { type NetworkOptions, type ResolvedNetworkOptions, resolveOptions } from './options.ts'
import { settle } from './regions.ts'
import type { Resident } from './resident.ts'
import { Slots } from './slots.ts'
import { Wires } from './wires.ts'

const kinds = {
  message: 1,
  rpc: 2,
  /** The same, behind the downlink. */
  messageDown: 3,
  rpcDown: 4,
  uplink: 5,
  beat: 6,
  timer: 7,
  linked: 8,
  unlinked: 9,
  closing: 10,
  publish: 11,
  call: 12
} as const

interface Sent {
  readonly rpc: Rpc<SimMessage>
  readonly bytes: number
}

/** What a network tells of what happens in it. */
export interface NetworkObserver {
  /** A message arrives at a node, the first time or again. */
  arrived?(message: SimMessage, to: number): void
  /** A message is about to be published. */
  published?(message: SimMessage): void
}

/**
 * A network of nodes under virtual time, at the level of RPCs: nothing is encoded, everything has its size. Who lives in the
 * nodes fills the queues of links; the network empties a queue when the node's uplink is free, the links of a node taking
 * turns, so that a message can still be outrun or cancelled while it waits.
 */
export class Network {
  readonly options: ResolvedNetworkOptions
  readonly wheel: EventWheel = new EventWheel(65_536)
  readonly log: EventLog = new EventLog()
  readonly sent: KindCounts = new KindCounts()
  readonly regionOf: Uint8Array
  readonly peerIds: readonly string[]
  observer: NetworkObserver = {}
  /** For whoever lives in the nodes. */
  readonly random: Random
  readonly messages: SimMessage[] = []
  readonly #wires: Wires
  readonly #residents: (Resident | undefined)[]
  /** Counts who has lived in each node: timers of who left are not for who came. */
  readonly #tenancies: Int32Array
  readonly #links: (Link | undefined)[] = []
  readonly #freeLinks: number[] = []
  readonly #linksOf: Map<number, Link>[]
  #liveLinks = 0
  /** Things on their way to a link, by its number: it is not used again before they have come to nothing. */
  #inFlight = new Int32Array(1024)
  readonly #rpcs = new Slots<Sent>()
  readonly #calls = new Slots<() => void>()
  readonly #woken: Link[] = []
  readonly #seqnos: Float64Array
  /** The side of the split that each node is on; undefined: there is none. */
  #sides: Uint8Array | undefined
  #cut: (readonly [number, number])[] = []

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
    this.#residents = Array.from({ length: nodes })
    this.#tenancies = new Int32Array(nodes)
    this.#linksOf = Array.from({ length: nodes }, () => new Map<number, Link>())
    this.#seqnos = new Float64Array(nodes)
  }

  /** Milliseconds of virtual time since the start. */
  get nowMs(): number {
    return this.wheel.now / 1000
  }

  /** Connections that are up. */
  get connections(): number {
    return this.#liveLinks / 2
  }

  /** Things that are on their way, and events that wait: nothing of either is left of a network that was taken down. */
  get pending(): { readonly rpcs: number; readonly events: number; readonly links: number; readonly calls: number } {
    const links = this.#links.length - this.#freeLinks.length
    return { rpcs: this.#rpcs.length, events: this.wheel.length, links, calls: this.#calls.length }
  }

  /** Puts somebody into an empty node, from now on. */
  place(node: number, resident: Resident): void {
    this.#residents[node] = resident
    const tenancy = (this.#tenancies[node] as number) + 1
    this.#tenancies[node] = tenancy
    const { beatMs } = resident
    // Heartbeats of a network are not in step.
    if (beatMs > 0) this.wheel.push(this.#in(beatMs * this.random.float()), kinds.beat, node, tenancy, 0)
  }

  resident(node: number): Resident | undefined {
    return this.#residents[node]
  }

  /** Takes whoever is there out of the node; its connections end. */
  vacate(node: number): void {
    for (const link of [...this.#of(node).values()]) this.disconnect(link)
    this.#residents[node] = undefined
  }

  links(node: number): ReadonlyMap<number, Link> {
    return this.#of(node)
  }

  /** Whether one can dial the other, from where they are. */
  canDial(from: number, to: number): boolean {
    if (this.#sides !== undefined && this.#sides[from] !== this.#sides[to]) return false
    return this.#wires.canDial(from, to)
  }

  /** Dials. False: the other cannot be reached, is there no more, or is connected. */
  connect(from: number, to: number): boolean {
    if (from === to || this.#residents[from] === undefined || this.#residents[to] === undefined) return false
    if (this.#of(from).has(to) || !this.canDial(from, to)) return false
    const trips = 2 * this.options.dialRoundTrips
    this.wheel.push(this.wheel.now + Math.round(trips * this.#wires.latencyUs(from, to)), kinds.linked, to, from, 0)
    return true
  }

  /** Ends a connection: this side at once, the other when it hears of it. */
  disconnect(link: Link): void {
    if (!link.isUp) return
    this.#down(link)
    const { twin } = link
    if (!twin.isUp) return
    this.#fly(twin)
    this.wheel.push(this.#wires.arrival(link, this.wheel.now), kinds.unlinked, twin.index, link.node, 0)
  }

  /** Ends a connection when what runs now has ended: for calls from inside of a router. */
  disconnectSoon(link: Link): void {
    if (!link.isUp) return
    this.#fly(link)
    this.wheel.push(this.wheel.now, kinds.closing, link.index, link.node, 0)
  }

  /** Splits the network: connections between sides are cut, and nobody dials across. */
  partition(sideOf: (node: number) => number): void {
    const sides = Uint8Array.from({ length: this.options.nodes }, (_, node) => sideOf(node))
    this.#sides = sides
    for (let node = 0; node < this.options.nodes; node++) {
      for (const link of [...this.#of(node).values()]) {
        if (sides[node] === sides[link.remote]) continue
        this.#cut.push(link.outbound ? [node, link.remote] : [link.remote, node])
        this.#down(link)
        this.#down(link.twin)
      }
    }
  }

  /** Ends the split. What was cut is dialled again, each inside of `withinMs`. */
  heal(withinMs = 1000): void {
    this.#sides = undefined
    for (const [from, to] of this.#cut) {
      this.call(this.random.float() * withinMs, () => void this.connect(from, to))
    }
    this.#cut = []
  }

  /** Something is in the link's queue, and nothing was before. */
  wake(link: Link): void {
    if (link.isWaiting || !link.isUp) return
    link.isWaiting = true
    this.#woken.push(link)
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
      publishedUs: this.wheel.now,
      valid
    })
    this.messages.push(message)
    this.wheel.push(this.wheel.now, kinds.publish, node, 0, index)
    return message
  }

  /** Calls the resident's `timer` with the number, after a time. */
  timer(node: number, delayMs: number, ref: number): void {
    this.wheel.push(this.#in(delayMs), kinds.timer, node, this.#tenancies[node] as number, ref)
  }

  /** Calls back after a time: for scripts. It is an event like others. */
  call(delayMs: number, callback: () => void): void {
    this.wheel.push(this.#in(delayMs), kinds.call, 0, 0, this.#calls.add(callback))
  }

  /** Lets virtual time go on. */
  run(forMs: number): void {
    this.wheel.run(this.#in(forMs), this.#handle)
  }

  readonly #handle = (kind: number, to: number, from: number, ref: number): void => {
    this.log.add(this.wheel.now, kind, to, from, ref)
    this.#dispatch(kind, to, from, ref)
    if (this.#woken.length > 0) this.#send()
  }

  #dispatch(kind: number, to: number, from: number, ref: number): void {
    switch (kind) {
      case kinds.message:
      case kinds.messageDown: {
        const message = this.messages[ref] as SimMessage
        if (kind === kinds.message && this.#waits(to, message.bytes, kinds.messageDown, from, ref)) return
        const link = this.#land(to)
        if (link === undefined) return
        this.observer.arrived?.(message, link.node)
        this.#residents[link.node]?.receive(link, message.rpc)
        return
      }
      case kinds.rpc:
      case kinds.rpcDown: {
        const { bytes } = this.#rpcs.get(ref) as Sent
        if (kind === kinds.rpc && this.#waits(to, bytes, kinds.rpcDown, from, ref)) return
        const link = this.#land(to)
        const { rpc } = this.#rpcs.take(ref) as Sent
        if (link !== undefined) this.#residents[link.node]?.receive(link, rpc)
        return
      }
      case kinds.uplink:
        this.#wires.release(to)
        this.#pump(to)
        return
      case kinds.beat: {
        const resident = this.#residents[to]
        if (resident === undefined || from !== this.#tenancies[to]) return
        this.wheel.push(this.#in(resident.beatMs), kinds.beat, to, from, 0)
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
        const link = this.#land(to)
        if (link !== undefined) this.#down(link)
        return
      }
      case kinds.closing: {
        const link = this.#land(to)
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

  /** Sends what the event has left in queues. */
  #send(): void {
    const woken = this.#woken
    let isShaped = false
    for (let at = 0; at < woken.length; at++) {
      const link = woken[at] as Link
      const { queue } = link
      if (link.isUp && queue !== undefined && this.#wires.isShaped(link.node)) {
        this.#wires.join(link)
        isShaped = true
        continue
      }
      if (link.isUp && queue !== undefined) {
        for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
          this.#transmit(link, item, this.wheel.now)
        }
      }
      link.isWaiting = false
    }
    // Only when all have their places: the first is not to have two turns before the second had one.
    if (isShaped) for (const link of woken) if (this.#wires.isShaped(link.node)) this.#pump(link.node)
    woken.length = 0
  }

  /** Sends from the queues of the node's links, each in its turn, while the uplink is free. */
  #pump(node: number): void {
    const { now } = this.wheel
    for (let link = this.#wires.next(node, now); link !== undefined; link = this.#wires.next(node, now)) {
      const item = link.isUp ? link.queue?.shift() : undefined
      if (item === undefined) {
        link.isWaiting = false
        continue
      }
      this.#transmit(link, item, this.#wires.occupy(node, now, item.bytes))
      if ((link.queue?.length ?? 0) > 0) this.#wires.join(link)
      else link.isWaiting = false
    }
    const freeAt = this.#wires.reserve(node)
    if (freeAt !== undefined) this.wheel.push(freeAt, kinds.uplink, node, 0, 0)
  }

  #transmit(link: Link, item: Outbound<SimMessage>, departUs: number): void {
    const { twin } = link
    const { message } = item
    if (message !== undefined) this.sent.addMessage(item.bytes)
    else this.sent.addRpc(item.rpc, item.bytes)
    // The other has gone, and this side has not heard of it yet.
    if (!twin.isUp) return
    const arrival = this.#wires.arrival(link, departUs, item.bytes)
    this.#fly(twin)
    if (message !== undefined) {
      this.wheel.push(arrival, kinds.message, twin.index, link.node, message.index)
      return
    }
    const ref = this.#rpcs.add(item)
    this.wheel.push(arrival, kinds.rpc, twin.index, link.node, ref)
  }

  /** Whether the thing that has arrived has to wait for the downlink of its node. */
  #waits(to: number, bytes: number, kind: number, from: number, ref: number): boolean {
    if (!this.#wires.hasDownlinks) return false
    const link = this.#links[to] as Link
    const through = this.#wires.through(link.node, this.wheel.now, bytes)
    if (through <= this.wheel.now) return false
    this.wheel.push(through, kind, to, from, ref)
    return true
  }

  /** Something is on its way to the link. */
  #fly(link: Link): void {
    this.#inFlight[link.index] = (this.#inFlight[link.index] as number) + 1
  }

  /** It is there. Undefined: the link is not. */
  #land(index: number): Link | undefined {
    const link = this.#links[index] as Link
    const left = (this.#inFlight[index] as number) - 1
    this.#inFlight[index] = left
    if (link.isUp) return link
    if (left === 0) this.#forget(link)
    return undefined
  }

  #up(from: number, to: number): void {
    const one = this.#residents[from]
    const two = this.#residents[to]
    if (one === undefined || two === undefined || this.#of(from).has(to) || !this.canDial(from, to)) return
    const near = this.#newLink(from, to, true)
    const far = this.#newLink(to, from, false)
    near.twin = far
    far.twin = near
    one.linked(near)
    two.linked(far)
  }

  #down(link: Link): void {
    if (!link.isUp) return
    link.isUp = false
    this.#liveLinks--
    this.#of(link.node).delete(link.remote)
    this.#residents[link.node]?.unlinked(link)
    link.queue?.clear()
    if (this.#inFlight[link.index] === 0) this.#forget(link)
  }

  #newLink(node: number, remote: number, outbound: boolean): Link {
    const index = this.#freeLinks.pop() ?? this.#links.length
    const link = new Link(index, node, remote, outbound)
    if (index === this.#inFlight.length) {
      const more = new Int32Array(index * 2)
      more.set(this.#inFlight)
      this.#inFlight = more
    }
    this.#links[index] = link
    this.#wires.open(index)
    this.#of(node).set(remote, link)
    this.#liveLinks++
    return link
  }

  #forget(link: Link): void {
    this.#links[link.index] = undefined
    this.#freeLinks.push(link.index)
  }

  #of(node: number): Map<number, Link> {
    return this.#linksOf[node] as Map<number, Link>
  }

  #in(delayMs: number): number {
    return this.wheel.now + Math.round(delayMs * 1000)
  }
}

/** An RPC without messages, with its size. */
export function control(rpc: Rpc<never>): Outbound<SimMessage> {
  return { rpc, bytes: rpcBytes(rpc) }
}
