import { type Clock, PeerloomError, type Timer } from '@peerloom/interface'
import { ChannelBase, ChunkQueue, endOfTurn, type Flushable, linkLingerMs, type WaterMarks } from '@peerloom/streams'
import { closeCodes, closedByRemote, isOrderly, violation, FrameError } from './close-code.ts'

/** Pending bytes that are sent without waiting for the end of the turn. */
const sendAtOnceBytes = 64 * 1024
const marks: WaterMarks = { high: 512 * 1024, low: 128 * 1024, max: 16 * 1024 * 1024 }
/** How often the browser is asked whether bytes have left: soon, then less and less often while nothing moves. */
const firstLookMs = 2
const lastLookMs = 64

export interface BrowserChannelParts {
  readonly clock: Clock
  readonly maxFrameBytes: number
  readonly maxHeldBytes: number
}

/**
 * A browser's WebSocket as a channel: everything that is sent in one turn leaves as one message. Browsers tell nobody when
 * bytes have left, so while any wait it is looked at, and at whatever arrives; and they read on, whoever listens, so what
 * waits for a reader is bounded. They close both directions at once: an end of ours ends what the remote sends as well.
 */
export class BrowserChannel extends ChannelBase implements Flushable {
  readonly #socket: WebSocket
  readonly #parts: BrowserChannelParts
  readonly #pending = new ChunkQueue()
  #flushing = false
  /** Bytes of messages that the browser had not sent when it was last asked. */
  #inBrowser = 0
  #lookMs = firstLookMs
  #timer: Timer | undefined = undefined
  #holding = false
  #held = 0

  constructor(socket: WebSocket, parts: BrowserChannelParts) {
    super(parts.clock, marks)
    this.#socket = socket
    this.#parts = parts
    socket.onmessage = (event: MessageEvent<unknown>) => this.#onMessage(event.data)
    socket.onclose = (event) => this.#onClose(event.code, event.wasClean)
  }

  flush(): void {
    this.#flushing = false
    const bytes = this.#pending.length
    if (bytes === 0 || this.isFinished) return
    this.#inBrowser += bytes
    this.#socket.send(this.#pending.take(bytes) as Uint8Array<ArrayBuffer>)
    this.#lookLater()
  }

  protected override get lingerMs(): number {
    return linkLingerMs
  }

  protected override carry(bytes: Uint8Array): void {
    this.#pending.push(bytes)
    this.queued(bytes.length)
    if (this.#pending.length >= sendAtOnceBytes) this.flush()
    else if (!this.#flushing) {
      this.#flushing = true
      endOfTurn(this)
    }
  }

  /** Everything that was sent leaves before the Close frame does (WHATWG WebSockets, close()). */
  protected override carryEnd(): void {
    this.flush()
    this.#socket.close(closeCodes.normal)
    if (this.#inBrowser === 0) this.writeFinished()
  }

  /** The nearest thing to a reset that a browser can say. */
  protected override carryReset(): void {
    this.#pending.clear()
    this.#socket.close(closeCodes.reset)
  }

  protected override hold(): void {
    this.#holding = true
    this.#held = 0
  }

  protected override release(): void {
    this.#holding = false
  }

  protected override over(): void {
    this.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#pending.clear()
    this.#socket.onmessage = null
    this.#socket.onclose = null
  }

  #onMessage(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) {
      this.abort(violation('a text message'))
      return
    }
    const { maxFrameBytes, maxHeldBytes } = this.#parts
    if (data.byteLength > maxFrameBytes) {
      this.abort(
        new FrameError(
          'ERR_MESSAGE_TOO_LARGE',
          closeCodes.reset,
          `a message of ${data.byteLength} bytes, over the limit of ${maxFrameBytes}`
        )
      )
      return
    }
    if (this.#holding && (this.#held += data.byteLength) > maxHeldBytes) {
      this.abort(new PeerloomError('ERR_LIMIT', `over ${maxHeldBytes} bytes wait for a reader`))
      return
    }
    if (this.#inBrowser > 0) this.#look()
    if (data.byteLength > 0) this.deliver(new Uint8Array(data))
  }

  #onClose(code: number, wasClean: boolean): void {
    if (wasClean && isOrderly(code)) {
      this.remoteEnd()
      // The browser has answered with an end of ours.
      if (!this.isFinished) this.writeFinished()
    } else if (wasClean) this.remoteReset(closedByRemote(code), true)
    else {
      this.remoteReset(
        new PeerloomError('ERR_CHANNEL_RESET', 'the connection was lost', { remote: true }),
        this.hasRemoteEnded
      )
    }
  }

  #lookLater(): void {
    this.#timer ??= this.clock.setTimeout(this.#onTimer, this.#lookMs)
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    const before = this.#inBrowser
    this.#look()
    if (this.#inBrowser === 0 || this.isFinished) {
      this.#lookMs = firstLookMs
      return
    }
    this.#lookMs = this.#inBrowser < before ? firstLookMs : Math.min(lastLookMs, this.#lookMs * 2)
    this.#lookLater()
  }

  #look(): void {
    const left = Math.min(this.#inBrowser, this.#socket.bufferedAmount)
    const sent = this.#inBrowser - left
    this.#inBrowser = left
    if (sent > 0) this.dequeued(sent)
    if (left === 0 && this.isWriteClosing && this.#pending.length === 0) this.writeFinished()
  }
}
