import { PeerloomError } from '@peerloom/interface'
import { ChannelBase } from '@peerloom/streams'
import type { Link } from '../network/link.ts'
import type { Wires } from '../network/wires.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Bytes that are under way, or wait for a reader: what a socket's windows hold. */
const windowBytes = 256 * 1024
/** Bytes that the wire takes as one piece, so that connections of a node share its uplink. */
const pieceBytes = 64 * 1024

/** What is under way, for the log. */
const kinds = { bytes: 1, end: 2, reset: 3, credit: 4 } as const

/** What both ends of a link share. */
export interface Carrier {
  readonly time: VirtualTime
  readonly wires: Wires
  /** The link is gone, on either side. */
  over(channel: LinkChannel): void
}

/** An end of a link whose bytes take time: latency, the node's uplink, and the window of the other end. */
export class LinkChannel extends ChannelBase {
  readonly link: Link
  twin!: LinkChannel
  readonly #carrier: Carrier
  readonly #waiting: Uint8Array[] = []
  #credit = windowBytes
  #isScheduled = false
  #endQueued = false

  constructor(carrier: Carrier, link: Link) {
    super(carrier.time)
    this.#carrier = carrier
    this.link = link
  }

  /** The connection is lost: nothing more comes or goes. */
  lose(): void {
    this.remoteReset(new PeerloomError('ERR_CHANNEL_RESET', 'the connection is lost', { remote: true }), true)
  }

  protected override carry(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += pieceBytes) this.#waiting.push(bytes.subarray(at, at + pieceBytes))
    this.queued(bytes.length)
    this.#schedule()
  }

  protected override carryEnd(): void {
    this.#endQueued = true
    this.#schedule()
  }

  protected override carryReset(): void {
    this.#waiting.length = 0
    this.#arrive(0, kinds.reset, () =>
      this.twin.remoteReset(new PeerloomError('ERR_CHANNEL_RESET', 'reset by the remote', { remote: true }))
    )
  }

  protected override consumed(bytes: number): void {
    this.#arrive(0, kinds.credit, () => {
      const { twin } = this
      const wasExhausted = twin.#credit <= 0
      twin.#credit += bytes
      if (wasExhausted && twin.#credit > 0) twin.#schedule()
    })
  }

  protected override over(): void {
    this.link.isUp = false
    this.#carrier.over(this)
  }

  /** Everything that is sent at one moment leaves in its order, when that moment has passed. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#carrier.time.at(this.#carrier.time.nowUs, () => {
      this.#isScheduled = false
      this.#move()
    })
  }

  #move(): void {
    while (this.#credit > 0 && !this.isFinished) {
      const bytes = this.#waiting.shift()
      if (bytes === undefined) break
      this.#credit -= bytes.length
      this.#arrive(bytes.length, kinds.bytes, () => {
        if (!this.twin.isFinished) this.twin.deliver(bytes)
        this.dequeued(bytes.length)
      })
    }
    if (this.isFinished || this.#waiting.length > 0 || !this.#endQueued) return
    this.#endQueued = false
    this.#arrive(0, kinds.end, () => {
      this.twin.remoteEnd()
      this.writeFinished()
    })
  }

  /** Calls when something of so many bytes, which leaves now, is at the other end. */
  #arrive(bytes: number, kind: number, callback: () => void): void {
    const { time, wires } = this.#carrier
    const { link } = this
    const departs = bytes > 0 && wires.isShaped(link.node) ? wires.occupy(link.node, time.nowUs, bytes) : time.nowUs
    const arrives = wires.arrival(link, departs, bytes)
    time.log.add(arrives, kind, link.remote, link.node, bytes)
    time.at(arrives, () => {
      if (bytes === 0) return callback()
      const through = wires.through(link.remote, time.nowUs, bytes)
      if (through > time.nowUs) time.at(through, callback)
      else callback()
    })
  }
}
