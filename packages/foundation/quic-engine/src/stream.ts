import { type Channel, type Clock, type Direction, PeerloomError } from '@peerloom/interface'
import { ChunkQueue, endOfTurn, type Flushable, StreamBase, type WaterMarks } from '@peerloom/streams'
import type { EngineStream, EngineStreamEvents } from './engine.ts'

/** Waiting bytes that do not wait for the end of the turn. */
const writeAtOnceBytes = 64 * 1024
/** About what an engine is given at once: each piece costs it a change of threads. */
const pieceBytes = 256 * 1024

const waterMarks: WaterMarks = { high: 512 * 1024, low: 128 * 1024, max: 4 * 1024 * 1024 }

/** What a stream asks of the muxer it belongs to. */
export interface StreamOwner {
  readonly clock: Clock
  /** The stream is over, and the engine has nothing of it left. */
  remove(stream: NativeStream): void
  /** All that was sent has been given to the engine. */
  flushed(): void
}

/** A stream of the engine as the application's stream: gathers what is sent in a turn, holds the remote back. */
export class NativeStream extends StreamBase implements EngineStreamEvents, Flushable {
  readonly #owner: StreamOwner
  readonly #engine: EngineStream
  #pending: ChunkQueue | undefined = undefined
  /** Size of the piece that the engine has not taken yet. */
  #writing = 0
  #scheduled = false
  #endQueued = false

  constructor(owner: StreamOwner, engine: EngineStream, direction: Direction) {
    super(direction, owner.clock, waterMarks)
    this.#owner = owner
    this.#engine = engine
  }

  get id(): string {
    return this.#engine.id
  }

  /** Whether bytes wait that the engine was not given yet. */
  get hasUnsent(): boolean {
    return this.queuedBytes > 0
  }

  start(): void {
    this.#engine.start(this)
  }

  // What the engine calls.

  data(bytes: Uint8Array): void {
    this.deliver(bytes)
  }

  end(): void {
    this.remoteEnd()
  }

  written(): void {
    const bytes = this.#writing
    this.#writing = 0
    if (this.isFinished || bytes === 0) return
    this.dequeued(bytes)
    this.flush()
    if (this.queuedBytes === 0) this.#owner.flushed()
  }

  stopped(): void {
    if (this.isFinished) return
    this.#drop()
    this.writeFinished()
  }

  lost(error: Error, carrierLost: boolean): void {
    this.#drop()
    this.remoteReset(error, carrierLost)
  }

  // What leaves.

  flush(): void {
    this.#scheduled = false
    if (this.#writing > 0 || this.isFinished) return
    const piece = this.#take()
    if (piece !== undefined) {
      this.#writing = piece.length
      this.#engine.write(piece)
    } else if (this.#endQueued) {
      this.#endQueued = false
      this.#engine.finish()
      this.writeFinished()
    }
  }

  protected override carry(bytes: Uint8Array): void {
    this.#pending ??= new ChunkQueue()
    this.#pending.push(bytes)
    this.queued(bytes.length)
    if (this.#writing > 0) return
    if (this.queuedBytes >= writeAtOnceBytes) {
      this.flush()
    } else if (!this.#scheduled) {
      this.#scheduled = true
      endOfTurn(this)
    }
  }

  protected override carryEnd(): void {
    this.#endQueued = true
    this.flush()
  }

  protected override carryReset(): void {
    this.#drop()
  }

  protected override hold(): void {
    this.#engine.pause()
  }

  protected override release(): void {
    this.#engine.resume()
  }

  protected override over(): void {
    if (this.error === undefined) this.#owner.remove(this)
    else this.#engine.reset(() => this.#owner.remove(this))
  }

  /** The next piece to write: what waits, in one; a large chunk alone as it is. */
  #take(): Uint8Array | undefined {
    const pending = this.#pending
    if (pending === undefined || pending.length === 0) return undefined
    if (pending.length <= pieceBytes) return pending.take(pending.length)
    const first = pending.shift() as Uint8Array
    if (first.length * 2 >= pieceBytes) return first
    pending.unshift(first)
    return pending.take(pieceBytes)
  }

  #drop(): void {
    this.#pending = undefined
    this.#endQueued = false
    this.#writing = 0
    this.queuedBytes = 0
  }
}

/** A stream of an engine as a channel of its own, outside of a muxer: for handshakes. */
export function engineChannel(engine: EngineStream, direction: Direction, clock: Clock): Channel {
  const channel = new NativeStream({ clock, remove() {}, flushed() {} }, engine, direction)
  channel.start()
  return channel
}

/** What streams are reset with when the connection is over. */
export function streamLost(cause: Error | undefined): PeerloomError {
  const why = cause === undefined ? '' : `: ${cause.message}`
  return new PeerloomError('ERR_CHANNEL_RESET', `the connection is over${why}`, { cause, remote: true })
}
