import { type Channel, type ChannelReader, type Clock, PeerloomError, toError } from '@peerloom/interface'
import { ChannelBase, ChunkQueue, endOfTurn, type Flushable, linkLingerMs } from '@peerloom/streams'
import type { Transport } from './handshake-state.ts'
import { Nonce } from './nonce.ts'
import { maxPlainBytes } from './record.ts'
import { RecordOpener } from './record-opener.ts'
import { RecordSealer } from './record-sealer.ts'

export interface NoiseChannelOptions {
  readonly clock: Clock
  /** First nonces, for tests of exhaustion. */
  readonly firstNonce?: bigint
}

/**
 * Sealed records over another channel: what is sent in a turn of the event loop leaves in as few as possible. A record is
 * begun only while the channel below is writable, so that it is never refused the rest of one; what has to wait waits
 * here, as plain text, inside the bound of the send queue.
 */
export class NoiseChannel extends ChannelBase implements Flushable, ChannelReader {
  readonly transient = true
  readonly #inner: Channel
  readonly #sealer: RecordSealer
  readonly #opener: RecordOpener
  /** Plain text to be sealed; `queuedBytes` is its length. */
  readonly #queue = new ChunkQueue()
  #flushing = false
  #ending = false
  readonly #emit = (sealed: Uint8Array): void => void this.#inner.send(sealed)
  readonly #deliver = (plain: Uint8Array): number => this.deliver(plain)

  constructor(inner: Channel, ciphers: Transport, options: NoiseChannelOptions) {
    super(options.clock)
    this.#inner = inner
    this.#sealer = new RecordSealer(ciphers.send, new Nonce(options.firstNonce))
    this.#opener = new RecordOpener(ciphers.receive, new Nonce(options.firstNonce))
  }

  /** Takes over reading the channel below. */
  open(): void {
    this.#inner.attach(this)
  }

  flush(): void {
    this.#flushing = false
    this.#seal(1)
    if (!this.#ending || this.queuedBytes > 0) return
    this.#ending = false
    this.#sendEnd()
  }

  // What the channel below calls.

  data(bytes: Uint8Array): void {
    if (this.isFinished) return
    try {
      this.#opener.push(bytes, this.#deliver)
    } catch (error) {
      this.abort(toError(error))
    }
  }

  end(): void {
    if (this.#opener.isBetweenRecords) this.remoteEnd()
    else this.abort(new PeerloomError('ERR_SECURITY', 'Noise: the remote ended inside a record', { remote: true }))
  }

  closed(error?: Error): void {
    if (error === undefined) this.remoteEnd()
    else this.remoteReset(error)
  }

  drain(): void {
    if (this.#ending) {
      this.flush()
      return
    }
    this.#seal(maxPlainBytes)
    if (!this.#inner.writable) return
    this.#flushLater()
    this.unblock()
  }

  // What the base class calls.

  protected override get lingerMs(): number {
    return linkLingerMs
  }

  protected override carry(bytes: Uint8Array): void {
    this.queuedBytes += bytes.length
    if (this.#inner.writable) this.#queue.push(bytes)
    else this.#queue.keep(bytes)
    this.#seal(maxPlainBytes)
    if (this.error !== undefined) throw this.error
    this.#flushLater()
  }

  protected override carryEnd(): void {
    this.#ending = true
    this.flush()
  }

  protected override carryReset(error: Error): void {
    this.#inner.abort(error)
  }

  protected override hold(): void {
    this.#inner.pause()
  }

  protected override release(): void {
    this.#inner.resume()
  }

  protected override over(): void {
    this.#queue.clear()
    this.queuedBytes = 0
  }

  #flushLater(): void {
    if (this.#flushing || this.queuedBytes === 0) return
    this.#flushing = true
    endOfTurn(this)
  }

  /** Seals what waits while it is at least `bytes` long and the channel below takes it. */
  #seal(bytes: number): void {
    const inner = this.#inner
    try {
      while (this.queuedBytes >= bytes && inner.writable) {
        const size = Math.min(this.queuedBytes, maxPlainBytes)
        this.queuedBytes -= size
        this.#sealer.seal(this.#queue, size, this.#emit)
      }
    } catch (error) {
      this.abort(toError(error))
      return
    }
    if (!inner.writable) this.block()
  }

  #sendEnd(): void {
    this.#inner.closeWrite().then(
      () => this.writeFinished(),
      (error: unknown) => this.remoteReset(toError(error))
    )
  }
}
