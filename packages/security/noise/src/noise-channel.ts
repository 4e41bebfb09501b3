import { type Channel, type ChannelReader, type Clock, PeerloomError, toError } from '@peerloom/interface'
import { ChannelBase, endOfTurn, type Flushable, linkLingerMs } from '@peerloom/streams'
import type { RecordCipher } from './crypto-interface.ts'
import type { Transport } from './handshake-state.ts'
import { Nonce } from './nonce.ts'
import { lengthBytes, maxPlainBytes, tagBytes } from './record.ts'
import { RecordOpener } from './record-opener.ts'
import { giveScratch, takeRecord, takeScratch } from './scratch.ts'

/** Pieces below this size are copied together; larger ones go to the cipher as they are. */
const copyBelowBytes = 8192
/** Records below this size leave as one buffer. */
const joinBelowBytes = 8192

export interface NoiseChannelOptions {
  readonly clock: Clock
  /** First nonces, for tests of exhaustion. */
  readonly firstNonce?: bigint
}

/** Sealed records over another channel: what is sent in a turn of the event loop leaves in as few as possible. */
export class NoiseChannel extends ChannelBase implements Flushable, ChannelReader {
  readonly transient = true
  readonly #inner: Channel
  readonly #sealing: RecordCipher
  readonly #nonce: Nonce
  readonly #opener: RecordOpener
  /** Plain text of the record under way: large pieces, and runs of the scratch buffer. */
  #parts: Uint8Array[] = []
  #size = 0
  #scratch: Uint8Array | undefined = undefined
  #runStart = 0
  #runEnd = 0
  #flushing = false
  readonly #deliver = (plain: Uint8Array): void => this.deliver(plain)

  constructor(inner: Channel, ciphers: Transport, options: NoiseChannelOptions) {
    super(options.clock)
    this.#inner = inner
    this.#sealing = ciphers.send
    this.#nonce = new Nonce(options.firstNonce)
    this.#opener = new RecordOpener(ciphers.receive, new Nonce(options.firstNonce))
  }

  /** Takes over reading the channel below. */
  open(): void {
    this.#inner.attach(this)
  }

  flush(): void {
    this.#flushing = false
    if (this.#size > 0 && !this.isFinished) this.#seal()
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
    this.unblock()
  }

  // What the base class calls.

  protected override get lingerMs(): number {
    return linkLingerMs
  }

  protected override carry(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const room = maxPlainBytes - this.#size
      const length = Math.min(bytes.length - at, room)
      this.#add(length === bytes.length ? bytes : bytes.subarray(at, at + length))
      at += length
      if (this.#size === maxPlainBytes) this.#seal()
    }
    if (this.#size === 0 || this.#flushing) return
    this.#flushing = true
    endOfTurn(this)
  }

  protected override carryEnd(): void {
    this.flush()
    this.#inner.closeWrite().then(
      () => this.writeFinished(),
      (error: unknown) => this.remoteReset(toError(error))
    )
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
    this.#parts = []
    this.#size = 0
    this.#returnScratch()
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length < copyBelowBytes) {
      this.#scratch ??= takeScratch()
      this.#scratch.set(bytes, this.#runEnd)
      this.#runEnd += bytes.length
    } else {
      this.#endRun()
      this.#parts.push(bytes)
    }
    this.#size += bytes.length
  }

  #endRun(): void {
    if (this.#scratch === undefined || this.#runEnd === this.#runStart) return
    this.#parts.push(this.#scratch.subarray(this.#runStart, this.#runEnd))
    this.#runStart = this.#runEnd
  }

  #seal(): void {
    this.#endRun()
    const parts = this.#parts
    const length = this.#size + tagBytes
    this.#parts = []
    this.#size = 0
    const inner = this.#inner
    let writable: boolean
    if (length < joinBelowBytes) {
      const record = takeRecord(lengthBytes + length)
      record[0] = length >> 8
      record[1] = length & 0xff
      let at = lengthBytes
      const tag = this.#sealing.sealParts(this.#nonce.next(), parts, (sealed) => {
        record.set(sealed, at)
        at += sealed.length
      })
      record.set(tag, at)
      writable = inner.send(record)
    } else {
      inner.send(Uint8Array.of(length >> 8, length & 0xff))
      writable = inner.send(this.#sealing.sealParts(this.#nonce.next(), parts, (sealed) => inner.send(sealed)))
    }
    this.#returnScratch()
    if (!writable) this.block()
  }

  #returnScratch(): void {
    if (this.#scratch !== undefined) giveScratch(this.#scratch)
    this.#scratch = undefined
    this.#runStart = 0
    this.#runEnd = 0
  }
}
