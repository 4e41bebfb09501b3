import { PeerloomError } from '@peerloom/interface'
import type { EngineStream, EngineStreamEvents } from '../engine.ts'
import { streamLost } from '../stream.ts'
import type { Quiche } from './binding.ts'

/** Bytes are read into slabs of this size; a slab is left when less than the second is free. */
const slabBytes = 64 * 1024
const minFreeBytes = 4096
/** A stream that nobody takes from reads on for so much: only a read shows that the remote has reset the stream. */
const maxHeldBytes = 64 * 1024

const nothing = new Uint8Array(0)
let slab = new Uint8Array(slabBytes)
let slabUsed = 0

export interface QuicheStreamHost {
  readonly quiche: Quiche
  readonly resetCode: number
  /** Counts how often packets were made: what was written in this round has not left yet. */
  readonly sendRound: number
  readonly now: number
  /** Something is to be sent, or read again. */
  markDirty(): void
  /** `sendEnd` is called when that is safe. */
  finishLater(stream: QuicheStream): void
  /** A write waits for room, or does no longer. */
  setBlocked(stream: QuicheStream, blocked: boolean): void
  forget(stream: QuicheStream): void
}

export class QuicheStream implements EngineStream {
  readonly streamId: number
  readonly #host: QuicheStreamHost
  #events: EngineStreamEvents | undefined = undefined
  #paused = false
  #heldBytes = 0
  #readOver = false
  #writeOver = false
  #over = false
  #writtenRound: number | undefined = undefined
  #writtenAt = 0
  /** What of a piece had no room yet. */
  #rest: Uint8Array | undefined = undefined

  constructor(streamId: number, host: QuicheStreamHost) {
    this.streamId = streamId
    this.#host = host
  }

  get id(): string {
    return String(this.streamId)
  }

  /** Whether the remote could still say something that somebody waits for. */
  get isReading(): boolean {
    return !this.#readOver && this.#events !== undefined && !(this.#paused && this.#heldBytes >= maxHeldBytes)
  }

  start(events: EngineStreamEvents): void {
    this.#events = events
    this.#host.markDirty()
  }

  write(bytes: Uint8Array): void {
    this.#rest = bytes
    this.#host.setBlocked(this, true)
    this.#host.markDirty()
  }

  /** When bytes of it were last given to quiche: a time, and a round of sending. */
  get writtenAt(): number {
    return this.#writtenAt
  }

  get writtenRound(): number {
    return this.#writtenRound ?? -1
  }

  /**
   * Quiche 0.18 takes a stream for complete once its bytes are acknowledged and it has an end, although that may not have been:
   * an end behind bytes that have left is forgotten when their acknowledgement comes before it is sent, or before it is lost.
   * With bytes that have not left it goes in one frame; else the connection says when.
   */
  finish(): void {
    this.#writeOver = true
    if (this.#writtenRound === undefined || this.#writtenRound === this.#host.sendRound) this.sendEnd()
    else this.#host.finishLater(this)
    this.#host.markDirty()
    this.#forgetWhenOver()
  }

  /** Called by the connection. */
  sendEnd(): void {
    this.#attempt(() => this.#host.quiche.streamSend(this.streamId, nothing, true))
  }

  reset(gone: () => void): void {
    this.#events = undefined
    const { quiche, resetCode } = this.#host
    if (!this.#writeOver) this.#attempt(() => quiche.streamShutdown(this.streamId, 1, resetCode))
    if (!this.#readOver) this.#attempt(() => quiche.streamShutdown(this.streamId, 0, resetCode))
    this.#end()
    this.#host.markDirty()
    gone()
  }

  pause(): void {
    this.#paused = true
    this.#heldBytes = 0
  }

  resume(): void {
    this.#paused = false
    this.#host.markDirty()
  }

  /** Sends what has room now. */
  pump(): void {
    const rest = this.#rest
    if (rest === undefined) return
    let sent: number
    try {
      sent = this.#host.quiche.streamSend(this.streamId, rest, false) ?? 0
    } catch (error) {
      if (!(error as Error).message.startsWith('StreamStopped')) return // the connection is over, which tells the stream
      this.#rest = undefined
      this.#writeOver = true
      this.#host.setBlocked(this, false)
      this.#events?.stopped()
      this.#forgetWhenOver()
      return
    }
    if (sent > 0) {
      this.#writtenRound = this.#host.sendRound
      this.#writtenAt = this.#host.now
    }
    if (sent < rest.length) {
      if (sent > 0) this.#rest = rest.subarray(sent)
      return
    }
    this.#rest = undefined
    this.#host.setBlocked(this, false)
    this.#events?.written()
  }

  /** Reads what is there. False when a reader that takes nothing is in the way. */
  read(): void {
    while (this.isReading) {
      if (slabBytes - slabUsed < minFreeBytes) {
        slab = new Uint8Array(slabBytes)
        slabUsed = 0
      }
      let result: [number, boolean] | null
      try {
        result = this.#host.quiche.streamRecv(this.streamId, slab.subarray(slabUsed))
      } catch (error) {
        this.#readFailed(error as Error)
        return
      }
      if (result === null) return
      const [length, ended] = result
      if (ended) this.#readOver = true
      if (length > 0) {
        const bytes = slab.subarray(slabUsed, slabUsed + length)
        slabUsed += length
        this.#heldBytes += length
        this.#events?.data(bytes)
      }
      if (ended) {
        this.#events?.end()
        this.#forgetWhenOver()
      } else if (length === 0) return
    }
  }

  /** The connection is over: what it had received is read out first. */
  connectionOver(cause: Error | undefined): void {
    this.#paused = false
    this.read()
    this.#fail(streamLost(cause), true)
  }

  #readFailed(error: Error): void {
    const reset = /^StreamReset\((\d+)\)/.exec(error.message)
    if (reset === null) return // Done, or the connection is over, which tells the stream
    this.#readOver = true
    const code = Number(reset[1]) === this.#host.resetCode ? '' : ` with code ${reset[1]}`
    this.#fail(new PeerloomError('ERR_CHANNEL_RESET', `the remote reset the stream${code}`, { remote: true }), false)
  }

  #fail(error: Error, carrierLost: boolean): void {
    if (this.#over) return
    this.#end()
    this.#events?.lost(error, carrierLost)
  }

  #forgetWhenOver(): void {
    if (this.#readOver && this.#writeOver) this.#end()
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#rest = undefined
    this.#host.setBlocked(this, false)
    this.#host.forget(this)
  }

  #attempt(call: () => unknown): void {
    try {
      call()
    } catch {
      // The stream or the connection is over already.
    }
  }
}
