import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, PeerloomError } from '@peerloom/interface'
import { ChannelBase, endOfTurn, type Flushable, linkLingerMs, type WaterMarks } from '@peerloom/streams'
import type { Socket } from 'node:net'
import { fromSocket } from './address.ts'
import { resetSocket } from './reset-socket.ts'

/** Pending bytes that are written without waiting for the end of the turn. */
const writeAtOnceBytes = 64 * 1024

const socketWaterMarks: WaterMarks = { high: 512 * 1024, low: 128 * 1024, max: 16 * 1024 * 1024 }

/** A socket as a channel: everything that is sent in one turn of the event loop leaves in one write. */
export class SocketChannel extends ChannelBase implements Flushable {
  readonly #socket: Socket
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  /** Sizes of the writes that the socket has not finished, oldest first. */
  readonly #writing: number[] = []
  #flushing = false
  #failure: Error | undefined = undefined

  constructor(socket: Socket, clock: Clock) {
    super(clock, socketWaterMarks)
    this.#socket = socket
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
   * negotiation may be under way. Undefined when the channel is over already.
   */
  detachSocket(): Socket | undefined {
    if (this.isFinished) return undefined
    const socket = this.#socket
    this.flush()
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
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
    this.#writing.push(this.#pendingBytes)
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
      this.flush()
    } else if (!this.#flushing) {
      this.#flushing = true
      endOfTurn(this)
    }
  }

  protected override carryEnd(): void {
    this.flush()
    this.#socket.end(() => this.writeFinished())
  }

  protected override carryReset(): void {
    this.#pending = []
    resetSocket(this.#socket)
  }

  protected override hold(): void {
    this.#socket.pause()
  }

  protected override release(): void {
    this.#socket.resume()
  }

  protected override over(): void {
    this.#socket.destroy()
  }

  readonly #onData = (bytes: Uint8Array): void => this.deliver(bytes)
  readonly #onEnd = (): void => this.remoteEnd()
  readonly #onError = (error: Error): void => {
    this.#failure = error
  }
  readonly #onClose = (): void => this.#lost()

  readonly #onWritten = (error?: Error | null): void => {
    const bytes = this.#writing.shift()
    if (!error && bytes !== undefined && !this.isFinished) this.dequeued(bytes)
  }

  #lost(): void {
    if (this.isFinished) return
    const cause = this.#failure
    this.remoteReset(
      new PeerloomError(
        'ERR_CHANNEL_RESET',
        `the connection was lost${cause === undefined ? '' : `: ${cause.message}`}`,
        {
          cause,
          remote: true
        }
      )
    )
  }
}
