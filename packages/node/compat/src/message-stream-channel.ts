import type { MessageStream, Stream, StreamCloseEvent } from '@libp2p/interface'
import { type Clock, PeerloomError, type Timer, toError } from '@peerloom/interface'
import { endOfTurn, type Flushable, linkLingerMs, StreamBase } from '@peerloom/streams'
import { Uint8ArrayList } from 'uint8arraylist'

/** A batch of this size leaves without waiting for the end of the turn. */
const sendAtOnceBytes = 64 * 1024
/** At the latest after this long a lingering link is closed, whatever still comes. */
const maxLingerMs = 1000

export interface MessageStreamChannelOptions {
  readonly clock: Clock
  /**
   * A link of js-libp2p cannot be half-closed: closing it loses what is under way to us. With this, our end waits until
   * the link was quiet for so many ms. Default 0: close at once.
   */
  readonly quietMs?: number
}

/**
 * A js-libp2p stream, link or secured connection as one of our channels. What is sent in one turn of the event loop
 * reaches their side as one message, because each of theirs is a record or a frame of its own.
 */
export class MessageStreamChannel extends StreamBase implements Flushable {
  readonly #stream: MessageStream & Partial<Pick<Stream, 'id'>>
  readonly #isLink: boolean
  readonly #quietMs: number
  #pending: Uint8ArrayList | undefined = undefined
  #scheduled = false
  #ending = false
  /** No more will come, and the stream is over altogether; both wait for what is still in its read buffer. */
  #lastSeen = false
  #gone = false
  #quiet: Timer | undefined = undefined
  #quietUntil = 0

  constructor(stream: MessageStream, options: MessageStreamChannelOptions) {
    super(stream.direction, options.clock)
    this.#stream = stream
    this.#isLink = !('closeRead' in stream)
    this.#quietMs = options.quietMs ?? 0
    stream.addEventListener('message', ({ data }) => this.#receive(data))
    stream.addEventListener('drain', () => this.#account())
    stream.addEventListener('idle', () => {
      this.#account()
      if (this.#ending) this.#end()
    })
    stream.addEventListener('remoteCloseWrite', () => {
      this.#lastSeen = true
      this.#settle()
    })
    stream.addEventListener('close', (event) => this.#closed(event))
  }

  get id(): string {
    return this.#stream.id ?? 'link'
  }

  flush(): void {
    this.#scheduled = false
    const pending = this.#pending
    if (pending === undefined || this.isFinished) return
    this.#pending = undefined
    try {
      if (!this.#stream.send(pending)) this.block()
    } catch (error) {
      this.abort(toError(error))
      return
    }
    this.#account()
  }

  protected override get lingerMs(): number {
    return this.#isLink ? linkLingerMs : super.lingerMs
  }

  protected override carry(bytes: Uint8Array): void {
    this.#pending ??= new Uint8ArrayList()
    // A view of its own: js-libp2p looks at what it sends for longer than we do, and counts it again (see `lastUse`).
    this.#pending.append(bytes.subarray())
    this.queued(bytes.length)
    if (this.#pending.byteLength >= sendAtOnceBytes) {
      this.flush()
    } else if (!this.#scheduled) {
      this.#scheduled = true
      endOfTurn(this)
    }
  }

  protected override carryEnd(): void {
    this.flush()
    this.#ending = true
    this.#end()
  }

  protected override carryReset(error: Error): void {
    this.#pending = undefined
    this.queuedBytes = 0
    this.#stream.abort(error)
  }

  protected override hold(): void {
    try {
      this.#stream.pause()
    } catch {
      // Their streams refuse when they are closing: nothing more comes then.
    }
  }

  protected override release(): void {
    try {
      this.#stream.resume()
    } catch {
      // As above.
    }
    this.#settle()
  }

  protected override over(): void {
    this.clock.clearTimeout(this.#quiet)
  }

  #receive(data: Uint8Array | Uint8ArrayList): void {
    if (this.#quiet !== undefined) this.#wait()
    if (data instanceof Uint8Array) this.deliver(data)
    else for (const bytes of data) this.deliver(bytes)
    if (this.#lastSeen) this.#settle()
  }

  /** Brings our count of queued bytes in line with what the stream still holds. */
  #account(): void {
    if (this.isFinished) return
    const change = (this.#pending?.byteLength ?? 0) + this.#stream.writeBufferLength - this.queuedBytes
    if (change > 0) this.queued(change)
    else if (this.#stream.writableNeedsDrain) this.queuedBytes += change
    else this.dequeued(-change)
  }

  /** Closes their side once it has let go of everything: their secured connections do not wait for that themselves. */
  #end(): void {
    if (this.isFinished || this.#gone || this.#stream.writeBufferLength > 0) return
    this.#ending = false
    if (this.#quietMs > 0) {
      this.#quietUntil = this.clock.now() + maxLingerMs
      this.#wait()
    } else {
      this.#close()
    }
  }

  #wait(): void {
    this.clock.clearTimeout(this.#quiet)
    const delayMs = Math.min(this.#quietMs, this.#quietUntil - this.clock.now())
    this.#quiet = this.clock.setTimeout(() => {
      this.#quiet = undefined
      this.#close()
    }, delayMs)
  }

  /** In a microtask: inside an event of theirs, their `close` would wait for another event of that kind. */
  #close(): void {
    Promise.resolve()
      .then(() => this.#stream.close())
      .then(
        () => this.writeFinished(),
        (error: unknown) => this.remoteReset(toError(error))
      )
  }

  #closed({ error, local }: StreamCloseEvent): void {
    if (error !== undefined) {
      const remote = local !== true
      this.remoteReset(new PeerloomError('ERR_CHANNEL_RESET', error.message, { cause: error, remote }))
      return
    }
    this.#lastSeen = true
    this.#gone = true
    this.#settle()
  }

  #settle(): void {
    if (!this.#lastSeen || this.#stream.readBufferLength > 0 || this.isFinished) return
    this.remoteEnd()
    if (!this.#gone || this.isFinished) return
    if (this.isWriteClosing && this.#pending === undefined && this.#stream.writeBufferLength === 0) this.writeFinished()
    else this.remoteReset(new PeerloomError('ERR_CHANNEL_CLOSED', 'the remote closed the connection', { remote: true }))
  }
}
