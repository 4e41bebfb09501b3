import { type Channel, type ChannelReader, type Clock, PeerloomError, toError } from '@peerloom/interface'
import { ChannelBase, ChunkQueue, linkLingerMs } from '@peerloom/streams'
import { giveScratchBack, roomFor, scratchBytes, scratchFor, takeScratch } from './room.ts'
import type { Salsa20 } from './salsa20.ts'
import { nonceBytes, xsalsa20 } from './xsalsa20.ts'

/** What members begin with, deciphered: every libp2p link opens with it (connections/README.md, multistream-select). */
const greeting = new TextEncoder().encode('\u0013/multistream/1.0.0\n')

/**
 * Bytes under a stream cipher over another channel. Ours begin with a nonce, and so do theirs; neither side waits for the
 * other's, so it costs no round trip. A cipher stream cannot take back what it has enciphered, so bytes that the channel
 * below has no room for wait here as they are.
 */
export class ProtectedChannel extends ChannelBase implements ChannelReader {
  readonly transient = true
  readonly #inner: Channel
  readonly #key: Uint8Array
  readonly #nonce: Uint8Array
  readonly #sending: Salsa20
  #receiving: Salsa20 | undefined = undefined
  /** What came of their nonce; then how much of their greeting was right. Undefined and its length when complete. */
  #theirNonce: ChunkQueue | undefined = new ChunkQueue()
  #greeted = 0
  /** `queuedBytes` is its length. */
  readonly #queue = new ChunkQueue()
  #ending = false

  constructor(inner: Channel, key: Uint8Array, nonce: Uint8Array, clock: Clock) {
    super(clock)
    this.#inner = inner
    this.#key = key
    this.#nonce = nonce
    this.#sending = xsalsa20(key, nonce)
  }

  /** Sends our nonce, and takes over reading the channel below. */
  open(): void {
    this.#inner.send(this.#nonce.slice())
    this.#inner.attach(this)
  }

  // What the channel below calls.

  data(bytes: Uint8Array): void {
    if (this.isFinished) return
    const rest = this.#receiving === undefined ? this.#takeNonce(bytes) : bytes
    const cipher = this.#receiving
    if (cipher === undefined) return
    for (let at = 0; at < rest.length && !this.isFinished;) {
      // Whoever keeps nothing may be given the same buffer again and again.
      const shared = this.deliversTransient && takeScratch()
      try {
        const end = shared ? Math.min(rest.length, at + scratchBytes) : rest.length
        const plain = shared ? scratchFor(end - at, cipher.untilBlock) : roomFor(end - at, cipher.untilBlock)
        plain.set(at === 0 && end === rest.length ? rest : rest.subarray(at, end))
        cipher.apply(plain)
        at = end
        if (this.#greeted < greeting.length && !this.#isMember(plain)) return
        this.deliver(plain)
      } finally {
        if (shared) giveScratchBack()
      }
    }
  }

  end(): void {
    this.remoteEnd()
  }

  closed(error?: Error): void {
    if (error === undefined) this.remoteEnd()
    else this.remoteReset(error)
  }

  drain(): void {
    this.#sendWaiting()
    if (this.#inner.writable && !this.#ending) this.unblock()
  }

  // What the base class calls.

  protected override get lingerMs(): number {
    return linkLingerMs
  }

  protected override carry(bytes: Uint8Array): void {
    if (this.queuedBytes === 0 && this.#inner.writable) {
      this.#encipher(bytes)
    } else {
      this.#queue.keep(bytes)
      this.queuedBytes += bytes.length
    }
    if (!this.#inner.writable) this.block()
  }

  protected override carryEnd(): void {
    this.#ending = true
    this.#sendWaiting()
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

  /** The bytes are not changed: some senders send the same ones again. */
  #encipher(bytes: Uint8Array): void {
    const sealed = roomFor(bytes.length, this.#sending.untilBlock)
    sealed.set(bytes)
    this.#sending.apply(sealed)
    this.#inner.send(sealed)
  }

  #sendWaiting(): void {
    try {
      while (this.queuedBytes > 0 && this.#inner.writable) {
        const bytes = this.#queue.shift() as Uint8Array
        this.queuedBytes -= bytes.length
        this.#encipher(bytes)
      }
    } catch (error) {
      this.abort(toError(error))
      return
    }
    if (!this.#ending || this.queuedBytes > 0) return
    this.#ending = false
    this.#inner.closeWrite().then(
      () => this.writeFinished(),
      (error: unknown) => this.remoteReset(toError(error))
    )
  }

  /** Takes the first bytes of the remote, 24 of them. Gives what is behind. */
  #takeNonce(bytes: Uint8Array): Uint8Array {
    const had = this.#theirNonce as ChunkQueue
    const missing = nonceBytes - had.length
    // A copy, which the `slice` of Node's Buffer is not.
    had.push(new Uint8Array(bytes.subarray(0, missing)))
    const nonce = had.take(nonceBytes)
    if (nonce === undefined) return bytes.subarray(bytes.length)
    this.#theirNonce = undefined
    // Our own bytes sent back to us would decipher to what members say.
    if (nonce.every((byte, at) => byte === this.#nonce[at])) this.#refuse('sends back what it gets')
    else this.#receiving = xsalsa20(this.#key, nonce)
    return bytes.subarray(missing)
  }

  /** Who has another key, or none, is found out by the first byte in most cases, and gets no answer. */
  #isMember(plain: Uint8Array): boolean {
    for (let at = 0; at < plain.length && this.#greeted < greeting.length; at++, this.#greeted++) {
      if (plain[at] === greeting[this.#greeted]) continue
      this.#refuse('is no member: it has another pre-shared key, or none')
      return false
    }
    return true
  }

  #refuse(what: string): void {
    this.abort(new PeerloomError('ERR_SECURITY', `private network: the remote ${what}`, { remote: true }))
  }
}
