import type { Outbound, Rpc } from '@peerloom/pubsub'
import type { NodeEvents } from '../engine/node-events.ts'
import { eventKinds } from './event-kinds.ts'
import { KindCounts } from './kinds.ts'
import type { Link } from './link.ts'
import type { SimMessage } from './message.ts'
import { Slots } from './slots.ts'
import type { Wires } from './wires.ts'

/**
 * What goes from link to link: out of queues, on the way, behind a downlink. A queue is emptied when the uplink of its node
 * takes something, the links of a node taking turns, so that a message can still be outrun or cancelled while it waits.
 */
export class Traffic {
  readonly sent: KindCounts = new KindCounts()
  readonly #time: NodeEvents
  readonly #wires: Wires
  /** RPCs without messages that are on their way. Messages have their own numbers. */
  readonly #rpcs = new Slots<Outbound<SimMessage>>()
  readonly #woken: Link[] = []

  constructor(time: NodeEvents, wires: Wires) {
    this.#time = time
    this.#wires = wires
  }

  /** RPCs without messages that are on their way. */
  get rpcs(): number {
    return this.#rpcs.length
  }

  /** Something is in the link's queue, and nothing was before. */
  wake(link: Link): void {
    if (link.isWaiting || !link.isUp) return
    link.isWaiting = true
    this.#woken.push(link)
  }

  /** Sends what an event has left in queues. */
  send(): void {
    const woken = this.#woken
    if (woken.length === 0) return
    let isShaped = false
    for (const link of woken) {
      if (link.isUp && this.#wires.isShaped(link.node)) {
        this.#wires.join(link)
        isShaped = true
        continue
      }
      link.isWaiting = false
      if (!link.isUp || link.queue === undefined) continue
      for (let item = link.queue.shift(); item !== undefined; item = link.queue.shift()) {
        this.#transmit(link, item, this.#time.now)
      }
    }
    // Only when all have their places: the first is not to have two turns before the second had one.
    if (isShaped) this.#pumpOf(woken)
    woken.length = 0
  }

  /** The time that the node was to look at its uplink again has come. */
  uplink(node: number): void {
    this.#wires.release(node)
    this.#pump(node)
  }

  /** Whether what has arrived has to wait for the downlink of its node. Then it is an event of that kind later. */
  waits(link: Link, bytes: number, kind: number, ref: number): boolean {
    if (!this.#wires.hasDownlinks) return false
    const through = this.#wires.through(link.node, this.#time.now, bytes)
    if (through <= this.#time.now) return false
    this.#time.push(through, kind, link.node, link.index, ref)
    return true
  }

  rpcBytes(ref: number): number {
    return (this.#rpcs.get(ref) as Outbound<SimMessage>).bytes
  }

  /** An RPC has arrived, or its link is gone. */
  take(ref: number): Rpc<SimMessage> {
    return this.#rpcs.take(ref)?.rpc as Rpc<SimMessage>
  }

  #pumpOf(links: readonly Link[]): void {
    let pumped: number | undefined
    for (const { node } of links) {
      if (node === pumped || !this.#wires.isShaped(node)) continue
      this.#pump(node)
      pumped = node
    }
  }

  /** Sends from the queues of the node's links, each in its turn, while the uplink takes it. */
  #pump(node: number): void {
    const { now } = this.#time
    for (let link = this.#wires.next(node, now); link !== undefined; link = this.#wires.next(node, now)) {
      const { queue } = link
      const item = link.isUp ? queue?.shift() : undefined
      if (item !== undefined) this.#transmit(link, item, this.#wires.occupy(node, now, item.bytes))
      if (item !== undefined && queue !== undefined && queue.length > 0) this.#wires.join(link)
      else link.isWaiting = false
    }
    const looksAt = this.#wires.reserve(node)
    if (looksAt !== undefined) this.#time.push(looksAt, eventKinds.uplink, node, 0, 0)
  }

  #transmit(link: Link, item: Outbound<SimMessage>, departUs: number): void {
    const { twin } = link
    const { message } = item
    if (message !== undefined) this.sent.addMessage(item.bytes)
    else this.sent.addRpc(item.rpc, item.bytes)
    // The other has gone, and this side has not heard of it yet.
    if (!twin.isUp) return
    const arrival = this.#wires.arrival(link, departUs, item.bytes)
    if (message !== undefined) this.#time.push(arrival, eventKinds.message, link.remote, twin.index, message.index)
    else this.#time.push(arrival, eventKinds.rpc, link.remote, twin.index, this.#rpcs.add(item))
  }
}
