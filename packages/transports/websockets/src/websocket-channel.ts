import { TokenBucket } from '@peerloom/bounded'
import { type Clock, PeerloomError, toError } from '@peerloom/interface'
import {
  ChannelBase,
  ChunkQueue,
  doneWith,
  endOfTurn,
  type Flushable,
  haveLeft,
  linkLingerMs,
  type WaterMarks
} from '@peerloom/streams'
import { ownRead, resetSocket } from '@peerloom/sockets'
import type { Socket } from 'node:net'
import { closeCodes, closedByRemote, FrameError, isOrderly, violation } from './close-code.ts'
import { closePayload, controlFrame, headerBytes, opcodes, writeHeader } from './frame.ts'
import { type FrameBuffers, maxSentFrameBytes, payloadStart } from './frame-buffers.ts'
import { FrameReader, type FrameSink } from './frame-reader.ts'
import { applyMask, type MaskKeys } from './mask.ts'

/** Pending bytes that are written without waiting for the end of the turn. */
const writeAtOnceBytes = 64 * 1024
/** Up to here the chunks of a frame are copied together: cheaper than a vector of small pieces. */
const gatherBytes = 4096

/** A frame on its way: its payload, and what it was made of. */
interface SentFrame {
  readonly bytes: number
  /** The buffer it was masked in. */
  readonly masked?: Uint8Array
  /** Chunks that were written as they are. */
  readonly chunks?: Uint8Array[]
}

const marks: WaterMarks = { high: 512 * 1024, low: 128 * 1024, max: 16 * 1024 * 1024 }

/** What all channels of a transport share. */
export interface ChannelParts {
  readonly clock: Clock
  readonly keys: MaskKeys
  readonly buffers: FrameBuffers
  readonly maxFrameBytes: number
  readonly maxIdleFramesPerSecond: number
}

/**
 * A WebSocket as a channel, on a socket whose HTTP upgrade is over. Everything that is sent in one turn of the event loop
 * leaves as one message. An end is a Close frame: behind ours the remote may still send, until its own.
 */
export class WebSocketChannel extends ChannelBase implements Flushable, FrameSink {
  readonly #socket: Socket
  readonly #parts: ChannelParts
  readonly #isClient: boolean
  readonly #reader: FrameReader
  readonly #pending = new ChunkQueue()
  /** Frames that the socket has not finished, oldest first. */
  readonly #writing: SentFrame[] = []
  #flushing = false
  #failure: Error | undefined = undefined
  #idleFrames: TokenBucket | undefined = undefined
  /** Payload of the last ping that has no answer. */
  #pong: Uint8Array | undefined = undefined
  #ponging = false
  #closeSent = false
  #closeReceived = false

  constructor(socket: Socket, role: 'client' | 'server', parts: ChannelParts) {
    super(parts.clock, marks)
    this.#socket = socket
    this.#parts = parts
    this.#isClient = role === 'client'
    this.#reader = new FrameReader({ masked: !this.#isClient, maxFrameBytes: parts.maxFrameBytes }, this)
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  /** Bytes that came right behind the upgrade. */
  begin(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#onData(bytes)
  }

  flush(): void {
    this.#flushing = false
    if (this.isFinished) return
    while (this.#pending.length > 0) this.#writeFrame(Math.min(this.#pending.length, maxSentFrameBytes))
    if (this.#pong !== undefined && !this.#ponging && !this.#closeSent) this.#writePong(this.#pong)
  }

  // What the frame reader calls.

  onPayload(bytes: Uint8Array): number {
    return this.deliver(bytes)
  }

  onPing(payload: Uint8Array): void {
    // Of several, the last one alone may be answered (RFC 6455, 5.5.3).
    this.#pong = payload
    this.#flushLater()
  }

  onIdleFrame(): void {
    const ratePerSecond = this.#parts.maxIdleFramesPerSecond
    this.#idleFrames ??= new TokenBucket({ ratePerSecond, burst: ratePerSecond * 10, clock: this.clock })
    if (!this.#idleFrames.take()) throw violation('too many frames that carry nothing', closeCodes.policyViolation)
  }

  onCloseFrame(code: number): void {
    this.#closeReceived = true
    if (isOrderly(code)) {
      this.remoteEnd()
      return
    }
    this.#sendClose(code)
    this.remoteReset(closedByRemote(code), true)
  }

  // What the base class calls.

  protected override get lingerMs(): number {
    return linkLingerMs
  }

  protected override carry(bytes: Uint8Array): void {
    this.#pending.push(bytes)
    this.queued(bytes.length)
    if (this.#pending.length >= writeAtOnceBytes) this.flush()
    else this.#flushLater()
  }

  protected override carryEnd(): void {
    this.flush()
    this.#sendClose(closeCodes.normal, () => this.writeFinished())
  }

  protected override carryReset(error: Error): void {
    this.#pending.clear()
    // Whoever broke the rules is told which, and a Close frame is answered, if that can leave at once.
    const code = error instanceof FrameError ? error.closeCode : this.#closeReceived ? closeCodes.reset : undefined
    if (code !== undefined && this.#socket.writableLength === 0) this.#sendClose(code)
    else resetSocket(this.#socket)
  }

  protected override hold(): void {
    this.#socket.pause()
  }

  protected override release(): void {
    this.#socket.resume()
  }

  protected override over(): void {
    this.#reader.stop()
    this.#socket.destroy()
  }

  #flushLater(): void {
    if (this.#flushing) return
    this.#flushing = true
    endOfTurn(this)
  }

  #writeFrame(payloadBytes: number): void {
    if (this.#isClient) this.#writeMasked(payloadBytes)
    else if (payloadBytes <= gatherBytes) {
      const start = headerBytes(payloadBytes, false)
      const frame = new Uint8Array(start + payloadBytes)
      writeHeader(frame, 0, opcodes.binary, payloadBytes, undefined)
      this.#gather(frame, start, payloadBytes)
      this.#writing.push({ bytes: payloadBytes })
      this.#socket.write(frame, this.#onWritten)
    } else this.#writeVector(payloadBytes)
  }

  #writeVector(payloadBytes: number): void {
    const socket = this.#socket
    const header = new Uint8Array(headerBytes(payloadBytes, false))
    writeHeader(header, 0, opcodes.binary, payloadBytes, undefined)
    const chunks: Uint8Array[] = []
    this.#writing.push({ bytes: payloadBytes, chunks })
    socket.cork()
    socket.write(header)
    for (let left = payloadBytes; left > 0;) {
      const chunk = this.#pending.shift(left) as Uint8Array
      left -= chunk.length
      chunks.push(chunk)
      if (left > 0) socket.write(chunk)
      else socket.write(chunk, this.#onWritten)
    }
    socket.uncork()
  }

  #writeMasked(payloadBytes: number): void {
    const { buffers, keys } = this.#parts
    const key = keys.take()
    const masked = buffers.take(payloadBytes)
    const end = payloadStart + payloadBytes
    const start = payloadStart - headerBytes(payloadBytes, true)
    writeHeader(masked, start, opcodes.binary, payloadBytes, key)
    this.#gather(masked, payloadStart, payloadBytes)
    applyMask(masked, payloadStart, end, key, 0)
    this.#writing.push({ bytes: payloadBytes, masked })
    this.#socket.write(masked.subarray(start, end), this.#onWritten)
  }

  /** Moves what is to be sent next into `target`. */
  #gather(target: Uint8Array, start: number, bytes: number): void {
    for (let at = 0; at < bytes;) {
      const chunk = this.#pending.shift(bytes - at) as Uint8Array
      target.set(chunk, start + at)
      at += chunk.length
      haveLeft(chunk)
    }
  }

  #controlFrame(opcode: number, payload: Uint8Array): Uint8Array {
    return controlFrame(opcode, payload, this.#isClient ? this.#parts.keys.take() : undefined)
  }

  /** One at a time: whoever pings and reads no answers is not to fill our queue. */
  #writePong(payload: Uint8Array): void {
    this.#pong = undefined
    this.#ponging = true
    this.#socket.write(this.#controlFrame(opcodes.pong, payload), () => {
      this.#ponging = false
      if (this.#pong !== undefined && !this.isFinished) this.#flushLater()
    })
  }

  #sendClose(code: number, onSent?: () => void): void {
    if (this.#closeSent) return
    this.#closeSent = true
    this.#socket.write(this.#controlFrame(opcodes.close, closePayload(code)), onSent)
  }

  readonly #onData = (bytes: Uint8Array): void => {
    try {
      ownRead(bytes, this.#socket)
      doneWith(bytes.buffer, this.#reader.push(bytes))
    } catch (error) {
      this.abort(toError(error))
    }
  }

  /** Behind a Close frame that is good order. */
  readonly #onEnd = (): void => {
    if (!this.#closeReceived) this.#lost()
  }

  readonly #onError = (error: Error): void => {
    this.#failure = error
  }

  readonly #onClose = (): void => this.#lost()

  readonly #onWritten = (error?: Error | null): void => {
    const frame = this.#writing.shift()
    if (error || frame === undefined) return
    if (frame.masked !== undefined) this.#parts.buffers.give(frame.masked)
    for (const chunk of frame.chunks ?? []) haveLeft(chunk)
    if (!this.isFinished) this.dequeued(frame.bytes)
  }

  #lost(): void {
    if (this.isFinished) return
    const cause = this.#failure
    const why = cause === undefined ? '' : `: ${cause.message}`
    this.remoteReset(new PeerloomError('ERR_CHANNEL_RESET', `the connection was lost${why}`, { cause, remote: true }))
  }
}
