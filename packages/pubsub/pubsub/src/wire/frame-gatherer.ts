import { varintLength } from '@peerloom/bounded'
import type { Outbound } from '../outbound-queue.ts'
import type { Rpc } from '../rpc.ts'
import { controlBytes, field, rpcBytes } from '../rpc-size.ts'
import { ByteSink } from './byte-sink.ts'
import { writeControl, writeControlHead, writeSmall } from './encode.ts'
import { splitRpc } from './split.ts'
import type { WireMessage } from './wire-message.ts'

/** Messages from this size on are sent as they lie, which is shared by all peers; smaller ones are copied together. */
const sharedFromBytes = 4096

/**
 * Puts what waits for a peer into few frames: a length, then the fields of one RPC. Messages may be any number in an RPC, but
 * there is one `control` field only: readers of some implementations let a second one replace the first.
 */
export class FrameGatherer {
  readonly #gatherBytes: number
  readonly #send: (bytes: Uint8Array) => void
  #messages: WireMessage[] = []
  #rpcs: Rpc<never>[] = []
  #bytes = 0
  #controlBytes = -1
  #large = 0
  #hasPartial = false
  #hasExtensions = false

  /** Frames end when they have `gatherBytes`, unless one thing alone is longer. Bytes that are sent are not to be changed. */
  constructor(gatherBytes: number, send: (bytes: Uint8Array) => void) {
    this.#gatherBytes = gatherBytes
    this.#send = send
  }

  add(item: Outbound<WireMessage>): void {
    if (item.message !== undefined) {
      this.#room(item.bytes)
      this.#messages.push(item.message)
      this.#bytes += item.bytes
      if (item.bytes >= sharedFromBytes) this.#large += item.bytes
      return
    }
    if (item.bytes <= this.#gatherBytes) this.#addRpc(item.rpc)
    else for (const piece of splitRpc(item.rpc, this.#gatherBytes)) this.#addRpc(piece)
  }

  /** Sends what is gathered. */
  flush(): void {
    if (this.#messages.length === 0 && this.#rpcs.length === 0) return
    const control = this.#controlBytes < 0 ? 0 : field(this.#controlBytes)
    const length = this.#bytes + control
    const sink = new ByteSink(varintLength(length) + length - this.#large)
    let sent = 0
    sink.varint(length)
    for (const rpc of this.#rpcs) writeSmall(sink, rpc)
    if (this.#controlBytes >= 0) {
      writeControlHead(sink, this.#controlBytes)
      for (const rpc of this.#rpcs) if (rpc.control !== undefined) writeControl(sink, rpc.control)
    }
    for (const message of this.#messages) {
      if (message.bytes < sharedFromBytes) {
        sink.raw(message.field)
        continue
      }
      if (sink.length > sent) this.#send(sink.target.subarray(sent, sink.length))
      sent = sink.length
      this.#send(message.field)
    }
    if (sink.length > sent) this.#send(sink.target.subarray(sent, sink.length))
    this.#clear()
  }

  #addRpc(rpc: Rpc<never>): void {
    const { control, partial } = rpc
    // There is one of each in an RPC.
    if (partial !== undefined && this.#hasPartial) this.flush()
    if (control?.extensions !== undefined && this.#hasExtensions) this.flush()
    const all = rpcBytes(rpc)
    this.#room(all)
    this.#rpcs.push(rpc)
    this.#hasPartial ||= partial !== undefined
    if (control === undefined) {
      this.#bytes += all
      return
    }
    const inner = controlBytes(control)
    this.#hasExtensions ||= control.extensions !== undefined
    this.#controlBytes = Math.max(this.#controlBytes, 0) + inner
    this.#bytes += all - field(inner)
  }

  #room(bytes: number): void {
    const gathered = this.#bytes + Math.max(this.#controlBytes, 0) + 8
    if (gathered > 8 && gathered + bytes > this.#gatherBytes) this.flush()
  }

  #clear(): void {
    this.#messages = []
    this.#rpcs = []
    this.#bytes = this.#large = 0
    this.#controlBytes = -1
    this.#hasPartial = this.#hasExtensions = false
  }
}
