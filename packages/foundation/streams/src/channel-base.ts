import {
  type AbortOptions,
  type Channel,
  type ChannelReader,
  type ChannelStatus,
  type Clock,
  PeerloomError,
  toError
} from '@peerloom/interface'
import { ChunkQueue } from './chunk-queue.ts'
import { doneWith } from './memory.ts'
import { Waiters } from './waiters.ts'

/** Sizes in bytes that govern a send queue. */
export interface WaterMarks {
  /** Above this `send` answers false. */
  readonly high: number
  /** At or below this the queue counts as drained. */
  readonly low: number
  /** A queue that holds this much takes nothing more: `send` throws. */
  readonly max: number
}

export const defaultWaterMarks: WaterMarks = { high: 256 * 1024, low: 64 * 1024, max: 4 * 1024 * 1024 }

/** How long `closeWrite` and `close` wait for queued bytes to leave. */
const closeTimeoutMs = 30_000
const defaultLingerMs = 60_000
/** For channels that hold a socket: whoever says nothing after our good-bye is not to keep one for long. */
export const linkLingerMs = 5000

const paused = 1
const held = 2
const delivering = 4
const remoteEnded = 8
const endDelivered = 16
const writeClosing = 32
const writeClosed = 64
const reset = 128
const finished = 256
const closedDelivered = 512
const discarding = 1024
/** Reset, but what had arrived before is still to be read. */
const readable = 2048

const done: Promise<void> = Promise.resolve()

/**
 * The state machine that sockets, secured connections and streams share: who reads, who waits, what is open. Carriers
 * extend it, call the protected verbs when something arrives or leaves (`deliver`, `remoteEnd`, `remoteReset`, `queued`,
 * `dequeued`, `writeFinished`), and fill in the `carry…` hooks.
 */
export abstract class ChannelBase implements Channel {
  error: Error | undefined = undefined
  queuedBytes = 0
  writable = true
  protected readonly clock: Clock
  readonly #marks: WaterMarks
  #flags = 0
  #reader: ChannelReader | undefined = undefined
  #inbound: ChunkQueue | undefined = undefined
  /** Bytes at the head of the inbound queue that were counted as consumed before they were given back. */
  #returned = 0
  #intercept: ((bytes: Uint8Array) => Uint8Array | undefined) | undefined = undefined
  #onInterceptedEnd: (() => void) | undefined = undefined
  #drain: Waiters | undefined = undefined
  #closing: Waiters | undefined = undefined
  #linger: object | number | undefined = undefined

  constructor(clock: Clock, marks: WaterMarks = defaultWaterMarks) {
    this.clock = clock
    this.#marks = marks
  }

  get status(): ChannelStatus {
    const flags = this.#flags
    if (flags & reset) return 'reset'
    if ((flags & remoteEnded) !== 0 && (flags & writeClosed) !== 0) return 'closed'
    return flags & (remoteEnded | writeClosing) ? 'closing' : 'open'
  }

  // What a carrier fills in.

  /** Takes bytes to send; accounts for them with `queued` and `dequeued`, or with `block` and `unblock`. */
  protected abstract carry(bytes: Uint8Array): void
  /** Sends our end behind what is queued, then calls `writeFinished`. */
  protected abstract carryEnd(): void
  /** Tells the remote that the channel is reset, drops what is queued. */
  protected abstract carryReset(error: Error): void
  /** The reader has consumed this much: credit may go back. */
  protected consumed(_bytes: number): void {}
  /** Nobody takes what arrives: hold the remote back. What is under way is still delivered and queued. */
  protected hold(): void {}
  protected release(): void {}
  /** Both directions are over. Called once. */
  protected over(): void {}
  /** Behind `over`, for whoever keeps count of channels. */
  protected afterOver(): void {}

  /** How long a closed channel waits for the end of the remote before it is reset, in ms. */
  protected get lingerMs(): number {
    return defaultLingerMs
  }

  // What a user calls.

  send(bytes: Uint8Array): boolean {
    if (this.#flags & (writeClosing | reset)) throw this.#closedError()
    if (this.queuedBytes >= this.#marks.max) {
      throw new PeerloomError(
        'ERR_SEND_QUEUE_FULL',
        `send queue holds ${this.queuedBytes} bytes: wait for drained() after send() answers false`
      )
    }
    if (bytes.length > 0) this.carry(bytes)
    return this.writable
  }

  drained(options?: AbortOptions): Promise<void> {
    if (this.#flags & (writeClosed | reset)) return Promise.reject(this.#closedError())
    if (this.writable) return done
    this.#drain ??= new Waiters()
    return this.#drain.add(options)
  }

  attach(reader: ChannelReader | undefined): void {
    // A new reader is told of ends that were told to the one before it.
    if (reader !== this.#reader) this.#flags &= ~(endDelivered | closedDelivered)
    this.#reader = reader
    this.#flags &= ~paused
    if (reader !== undefined) this.#pump()
  }

  pause(): void {
    this.#flags |= paused
  }

  resume(): void {
    this.#flags &= ~paused
    if (this.#reader !== undefined) this.#pump()
  }

  unshift(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#flags & (reset | discarding)) return
    this.#inbound ??= new ChunkQueue()
    this.#inbound.unshift(bytes)
    this.#returned += bytes.length
  }

  intercept(filter: ((bytes: Uint8Array) => Uint8Array | undefined) | undefined, onEnd?: () => void): void {
    this.#intercept = filter
    this.#onInterceptedEnd = onEnd
    if (filter === undefined) return
    const inbound = this.#inbound
    if (inbound !== undefined && inbound.length > 0) this.#filterWaiting(inbound)
    if (this.#intercept === filter && this.#flags & remoteEnded) this.#endedWhileNegotiating()
  }

  closeWrite(options: AbortOptions = {}): Promise<void> {
    if (this.#flags & writeClosed) return done
    if (this.#flags & reset) return Promise.reject(this.#closedError())
    if ((this.#flags & writeClosing) === 0) {
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason)
      this.#flags |= writeClosing
      this.carryEnd()
      if (this.#flags & writeClosed) return done
      if (this.#flags & reset) return Promise.reject(this.#closedError())
    }
    this.#closing ??= new Waiters()
    return this.#closing.add(options, { clock: this.clock, timeoutMs: closeTimeoutMs, what: 'closing' })
  }

  async close(options: AbortOptions = {}): Promise<void> {
    if (this.#flags & (reset | finished)) return
    if ((this.#flags & discarding) === 0) {
      this.#flags |= discarding
      this.#discardInbound()
    }
    try {
      await this.closeWrite(options)
    } catch (error) {
      if (this.#flags & reset) return
      this.abort(toError(error))
      throw error
    }
    if ((this.#flags & (remoteEnded | reset)) === 0 && this.#linger === undefined) {
      const { lingerMs } = this
      this.#linger = this.clock.setTimeout(
        () => this.abort(new PeerloomError('ERR_TIMEOUT', `the remote did not end within ${lingerMs} ms`)),
        lingerMs
      )
    }
  }

  abort(error: Error): void {
    if (this.#flags & (reset | finished)) return
    this.#flags = (this.#flags | reset) & ~(remoteEnded | readable)
    this.error = error
    try {
      this.carryReset(error)
    } finally {
      this.#finish()
    }
  }

  // What a carrier calls.

  /** True when the next `deliver` goes straight to a reader that does not keep its bytes. */
  protected get deliversTransient(): boolean {
    return (
      this.#reader?.transient === true &&
      (this.#flags & (paused | delivering)) === 0 &&
      (this.#inbound === undefined || this.#inbound.length === 0) &&
      this.#intercept === undefined
    )
  }

  /** Whether our end was asked for. */
  protected get isWriteClosing(): boolean {
    return (this.#flags & writeClosing) !== 0
  }

  protected get hasRemoteEnded(): boolean {
    return (this.#flags & remoteEnded) !== 0
  }

  protected get isFinished(): boolean {
    return (this.#flags & finished) !== 0
  }

  /** Answers how many of the bytes were not kept. */
  protected deliver(bytes: Uint8Array): number {
    let rest = bytes
    if (this.#intercept !== undefined) {
      let left: Uint8Array | undefined
      try {
        left = this.#intercept(bytes)
      } catch (error) {
        this.abort(toError(error))
        return 0
      }
      const taken = bytes.length - (left?.length ?? 0)
      if (taken > 0 && (this.#flags & reset) === 0) this.consumed(taken)
      if (left === undefined || left.length === 0) return 0
      rest = left
    }
    if (this.#flags & (reset | discarding)) {
      if ((this.#flags & reset) === 0) this.consumed(rest.length)
      return rest.length
    }
    const reader = this.#reader
    if (reader === undefined || this.#flags & paused || (this.#inbound !== undefined && this.#inbound.length > 0)) {
      this.#inbound ??= new ChunkQueue()
      const copied = this.#inbound.keep(rest)
      if ((this.#flags & held) === 0) {
        this.#flags |= held
        this.hold()
      }
      return copied
    }
    const { buffer } = bytes
    const unkept = this.#give(reader, rest, 0)
    // A filter may have put together what is left.
    return rest.buffer === buffer ? unkept : 0
  }

  protected remoteEnd(): void {
    if (this.#flags & (remoteEnded | reset)) return
    this.#flags |= remoteEnded
    if (this.#intercept !== undefined) this.#endedWhileNegotiating()
    if (this.#flags & reset) return
    if (this.#flags & writeClosed) this.#finish()
    else this.#settleReader()
  }

  /** `keepInbound`: the remote did not reset the channel, its carrier was lost; what had arrived is still read first. */
  protected remoteReset(error: Error, keepInbound = false): void {
    if (this.#flags & (reset | finished)) return
    // All that the remote had to say before its end is still worth reading when the carrier is lost after it.
    this.#flags |= keepInbound || this.#flags & remoteEnded ? reset | readable : reset
    this.error = error
    this.#finish()
  }

  protected queued(bytes: number): void {
    this.queuedBytes += bytes
    if (this.queuedBytes > this.#marks.high) this.writable = false
  }

  protected dequeued(bytes: number): void {
    this.queuedBytes -= bytes
    if (!this.writable && this.queuedBytes <= this.#marks.low) this.unblock()
  }

  protected block(): void {
    this.writable = false
  }

  protected unblock(): void {
    if (this.writable) return
    this.writable = true
    this.#drain?.resolve()
    this.#reader?.drain?.()
  }

  protected writeFinished(): void {
    if (this.#flags & (writeClosed | reset)) return
    this.#flags |= writeClosing | writeClosed
    this.#closing?.resolve()
    this.#drain?.reject(this.#closedError())
    if (this.#flags & remoteEnded) this.#finish()
  }

  #endedWhileNegotiating(): void {
    const onEnd = this.#onInterceptedEnd
    this.#intercept = undefined
    this.#onInterceptedEnd = undefined
    if (onEnd !== undefined) onEnd()
    else this.abort(new PeerloomError('ERR_UNEXPECTED_END', 'the remote ended while negotiating', { remote: true }))
  }

  /** Shows a new filter what arrived before it, and leaves the rest where it was. */
  #filterWaiting(inbound: ChunkQueue): void {
    const waiting = inbound.take(inbound.length) as Uint8Array
    const returned = this.#returned
    this.#returned = 0
    let left: Uint8Array | undefined
    // A reader that the filter attaches is not to see an end before what is left.
    this.#flags |= delivering
    try {
      left = this.#intercept?.(waiting)
    } catch (error) {
      this.abort(toError(error))
      return
    } finally {
      this.#flags &= ~delivering
    }
    const taken = waiting.length - (left?.length ?? 0)
    if (taken > returned) this.consumed(taken - returned)
    this.#returned = Math.max(0, returned - taken)
    if (left !== undefined && left.length > 0) inbound.unshift(left)
    if (this.#reader !== undefined) this.#pump()
  }

  #finish(): void {
    if (this.#flags & finished) return
    this.#flags |= finished
    if (this.#linger !== undefined) this.clock.clearTimeout(this.#linger)
    this.#linger = undefined
    this.#intercept = undefined
    this.#onInterceptedEnd = undefined
    if (this.#flags & reset) {
      if ((this.#flags & readable) === 0) this.#inbound = undefined
      const error = this.#closedError()
      this.#drain?.reject(error)
      this.#closing?.reject(error)
    }
    this.over()
    this.afterOver()
    this.#settleReader()
  }

  /** Tells the reader about ends, once everything before them was delivered. */
  #settleReader(): void {
    const reader = this.#reader
    if (reader === undefined || this.#flags & closedDelivered) return
    try {
      if ((this.#flags & (reset | readable)) === reset) {
        this.#flags |= closedDelivered
        reader.closed(this.error)
        return
      }
      if (this.#inbound !== undefined && this.#inbound.length > 0) return
      if (this.#flags & paused) return
      if ((this.#flags & (remoteEnded | endDelivered | discarding)) === remoteEnded) {
        this.#flags |= endDelivered
        reader.end()
      }
      if (this.#flags & finished && (this.#flags & closedDelivered) === 0) {
        this.#flags |= closedDelivered
        // A reader that replaced this one during `end` is the one to tell.
        this.#reader?.closed(this.error)
      }
    } catch (error) {
      this.abort(toError(error))
    }
  }

  get #mayDeliver(): boolean {
    return (this.#flags & (paused | discarding)) === 0 && (this.#flags & (reset | readable)) !== reset
  }

  /** `returned`: how many of the bytes were counted as consumed before. Answers how many the reader did not keep. */
  #give(reader: ChannelReader, bytes: Uint8Array, returned: number): number {
    // A reader that passes them on may see the last of their buffer, and of their length with it.
    const { length } = bytes
    try {
      reader.data(bytes)
    } catch (error) {
      this.abort(toError(error))
      return 0
    }
    if ((this.#flags & reset) === 0 && length > returned) this.consumed(length - returned)
    return reader.transient === true ? length : (reader.unkeptBytes ?? 0)
  }

  #pump(): void {
    if (this.#flags & delivering) return
    const inbound = this.#inbound
    if (inbound !== undefined && inbound.length > 0) {
      this.#flags |= delivering
      while (inbound.length > 0 && this.#reader !== undefined && this.#mayDeliver) {
        const bytes = inbound.shift() as Uint8Array
        const returned = Math.min(this.#returned, bytes.length)
        this.#returned -= returned
        const { buffer } = bytes
        doneWith(buffer, this.#give(this.#reader, bytes, returned))
      }
      this.#flags &= ~delivering
      if (inbound.length > 0) return
    }
    if (this.#flags & held && (this.#flags & paused) === 0) {
      this.#flags &= ~held
      if ((this.#flags & (remoteEnded | reset)) === 0) this.release()
    }
    this.#settleReader()
  }

  #discardInbound(): void {
    const waiting = (this.#inbound?.length ?? 0) - this.#returned
    this.#inbound = undefined
    this.#returned = 0
    if (waiting > 0) this.consumed(waiting)
    if (this.#flags & held) {
      this.#flags &= ~held
      this.release()
    }
  }

  #closedError(): Error {
    if (this.error !== undefined) return this.error
    return this.#flags & finished
      ? new PeerloomError('ERR_CHANNEL_CLOSED', 'the channel is closed')
      : new PeerloomError('ERR_WRITE_CLOSED', 'the channel is closed for writing')
  }
}
