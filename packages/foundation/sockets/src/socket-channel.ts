import type { Multiaddr } from '@multiformats/multiaddr'
import type { Channel, Clock } from '@peerloom/interface'
import {
  ChannelBase,
  doneWith,
  endOfTurn,
  type Flushable,
  haveLeft,
  linkLingerMs,
  part,
  type WaterMarks
} from '@peerloom/streams'
import type { Socket } from 'node:net'
import { fromSocket } from './address.ts'
import { ownRead } from './own-read.ts'
import { lostError } from './lost-error.ts'
import { isEnding, resetSocket } from './reset-socket.ts'

/** Pending bytes that are written without waiting for the end of the turn. */
const writeAtOnceBytes = 64 * 1024
/** What a TLS record holds at most: bulk leaves in full ones, which Node reads without leaving room in its buffers. */
const recordBytes = 16 * 1024

const socketWaterMarks: WaterMarks = { high: 512 * 1024, low: 128 * 1024, max: 16 * 1024 * 1024 }

/** A socket as a channel: everything that is sent in one turn of the event loop leaves in one write. */
export class SocketChannel extends ChannelBase implements Flushable {
  readonly #socket: Socket
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  /** Writes that the socket has not finished, oldest first. */
  readonly #writing: Uint8Array[][] = []
  #flushing = false
  #failure: Error | undefined = undefined
  /** What carries a TLS socket: the channel whose socket it took, or any other that it was put on. */
  readonly #below: Channel | undefined

  constructor(socket: Socket, clock: Clock, below?: Channel) {
    super(clock, socketWaterMarks)
    this.#socket = socket
    this.#below = below
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  /** Takes bytes from a buffer that is used again at once: for sockets that do not emit `data`. */
  read(bytes: Uint8Array): void {
    this.deliver(this.deliversTransient ? bytes : new Uint8Array(bytes))
  }

  get localAddress(): Multiaddr | undefined {
    return fromSocket(this.#socket.localAddress, this.#socket.localPort)
  }

  /**
   * Gives the socket up to a layer that drives it natively (TLS): what was sent has been handed to it, what arrived and
   * nobody read comes out of it first. Nothing but `abort` may be called afterwards, which still ends the socket; no
   * negotiation may be under way. The layer's own channel, made with this one below it, ends this one as well.
   * Undefined when the channel is over already.
   */
  detachSocket(): Socket | undefined {
    const socket = this.#socket
    // It may be lost already, with nobody told yet.
    if (socket.destroyed) this.#lost()
    if (this.isFinished) return undefined
    this.flush()
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    const held: Uint8Array[] = []
    this.attach({ data: (bytes) => void held.push(bytes), end() {}, closed() {} })
    this.attach(undefined)
    // Only now: emptying the queue let the socket go on.
    socket.pause()
    for (const bytes of held.toReversed()) socket.unshift(bytes)
    return socket
  }

  flush(): void {
    this.#flushing = false
    const pending = this.#pending
    if (pending.length === 0 || this.isFinished) return
    const socket = this.#socket
    this.#pending = []
    this.#writing.push(pending)
    this.#pendingBytes = 0
    const last = pending.length - 1
    if (last > 0) socket.cork()
    for (let at = 0; at < last; at++) socket.write(pending[at] as Uint8Array)
    socket.write(pending[last] as Uint8Array, this.#onWritten)
    if (last > 0) socket.uncork()
  }

  protected override get lingerMs(): number {
    return linkLingerMs
  }

  protected override carry(bytes: Uint8Array): void {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    this.queued(bytes.length)
    if (this.#pendingBytes >= writeAtOnceBytes) {
      const rest = this.#below === undefined ? undefined : this.#cutToRecords(bytes)
      this.flush()
      if (rest === undefined) return
      this.#pending.push(rest)
      this.#pendingBytes = rest.length
    }
    if (this.#flushing) return
    this.#flushing = true
    endOfTurn(this)
  }

  protected override carryEnd(): void {
    this.flush()
    this.#socket.end(() => this.writeFinished())
  }

  protected override carryReset(error: Error): void {
    this.#pending = []
    if (this.#below === undefined) resetSocket(this.#socket)
    else if (this.#below instanceof SocketChannel && isEnding(this.#socket)) this.#socket.destroy()
    else this.#below.abort(error)
  }

  protected override hold(): void {
    this.#socket.pause()
  }

  protected override release(): void {
    this.#socket.resume()
  }

  protected override over(): void {
    if (this.#below instanceof SocketChannel) this.#below.#detachedIsOver(this.error)
    else if (this.error !== undefined) this.#below?.abort(this.error)
    this.#socket.destroy()
  }

  /** Takes what fills no record off the last bytes that are pending. */
  #cutToRecords(last: Uint8Array): Uint8Array | undefined {
    const over = this.#pendingBytes % recordBytes
    if (over === 0 || over >= last.length) return undefined
    const end = last.length - over
    this.#pending[this.#pending.length - 1] = part(last, 0, end)
    this.#pendingBytes -= over
    return part(last, end, last.length)
  }

  readonly #onData = (bytes: Uint8Array): void => {
    ownRead(bytes, this.#socket)
    doneWith(bytes.buffer, this.deliver(bytes))
  }
  readonly #onEnd = (): void => this.remoteEnd()
  readonly #onError = (error: Error): void => {
    this.#failure = error
    // A TLS socket that has failed is not closed by itself.
    this.#socket.destroy()
  }
  readonly #onClose = (): void => this.#lost()

  readonly #onWritten = (error?: Error | null): void => {
    const pieces = this.#writing.shift()
    if (error || pieces === undefined) return
    let bytes = 0
    for (const piece of pieces) {
      bytes += piece.length
      haveLeft(piece)
    }
    if (!this.isFinished) this.dequeued(bytes)
  }

  #lost(): void {
    if (!this.isFinished) this.remoteReset(lostError(this.#failure ?? this.#socket.errored ?? undefined))
  }

  #detachedIsOver(error: Error | undefined): void {
    if (error !== undefined) {
      this.remoteReset(error)
      return
    }
    this.remoteEnd()
    this.writeFinished()
  }
}
