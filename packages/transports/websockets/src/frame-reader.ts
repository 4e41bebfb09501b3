import { closeCodes, FrameError, violation } from './close-code.ts'
import { finBit, maskBit, maxControlBytes, maxHeaderBytes, opcodes } from './frame.ts'
import { applyMask } from './mask.ts'

export interface FrameSink {
  /** The next bytes of a data frame, as they came. Answers how many of them were not kept. */
  onPayload(bytes: Uint8Array): number
  /** A whole Close frame; nothing is read behind it. */
  onCloseFrame(code: number): void
  onPing(payload: Uint8Array): void
  /** A frame that brings no bytes of the stream: control frames and empty ones. Throws when there are too many. */
  onIdleFrame(): void
}

export interface FrameReaderOptions {
  /** Whether frames have to be masked (those of a client), or must not be. */
  readonly masked: boolean
  /** The longest payload of one data frame. */
  readonly maxFrameBytes: number
}

const noBytes = new Uint8Array(0)

/**
 * Takes frames apart as their bytes come in, in any pieces. Messages are not put together: the payload of binary frames,
 * fragmented or not, is one stream, and goes on without waiting for its frame to be complete. Throws a FrameError.
 */
export class FrameReader {
  readonly #masked: boolean
  readonly #maxFrameBytes: number
  readonly #sink: FrameSink
  /** A header that is not complete. */
  #head: Uint8Array | undefined
  #headBytes = 0
  #opcode = 0
  /** Payload of the current frame that has not come. */
  #left = 0
  #key = 0
  #phase = 0
  /** Payload of a control frame, which is put together. */
  #control: Uint8Array = noBytes
  #inMessage = false
  #closed = false

  constructor(options: FrameReaderOptions, sink: FrameSink) {
    this.#masked = options.masked
    this.#maxFrameBytes = options.maxFrameBytes
    this.#sink = sink
  }

  /** `bytes` become the reader's: they are unmasked in place. Answers how many of them were not kept. */
  push(bytes: Uint8Array): number {
    // Whoever passes the bytes on may see the last of their buffer, and of their length with it.
    const { length } = bytes
    let at = 0
    let kept = 0
    while (at < length && !this.#closed) {
      if (this.#left > 0) {
        const end = Math.min(length, at + this.#left)
        kept += this.#payload(bytes, at, end)
        at = end
      } else at = this.#header(bytes, at)
    }
    return length - kept
  }

  /** Takes nothing more. */
  stop(): void {
    this.#closed = true
  }

  /** Answers how many of the bytes were kept. */
  #payload(bytes: Uint8Array, from: number, to: number): number {
    if (this.#masked) {
      applyMask(bytes, from, to, this.#key, this.#phase)
      this.#phase = (this.#phase + to - from) & 3
    }
    this.#left -= to - from
    if (this.#opcode < opcodes.close) {
      return to - from - this.#sink.onPayload(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
    }
    this.#control.set(bytes.subarray(from, to), this.#control.length - this.#left - (to - from))
    if (this.#left === 0) this.#controlFrame(this.#control)
    return 0
  }

  /** Reads a header, or as much of it as there is. Returns where it ends. */
  #header(bytes: Uint8Array, at: number): number {
    if (this.#headBytes === 0) {
      const length = headerLength(bytes, at, bytes.length)
      if (at + length <= bytes.length) {
        this.#start(bytes, at)
        return at + length
      }
    }
    // It is torn: put it together.
    const head = (this.#head ??= new Uint8Array(maxHeaderBytes))
    let next = at
    while (next < bytes.length && this.#headBytes < headerLength(head, 0, this.#headBytes)) {
      head[this.#headBytes++] = bytes[next++] as number
    }
    if (this.#headBytes >= headerLength(head, 0, this.#headBytes)) {
      this.#headBytes = 0
      this.#head = undefined
      this.#start(head, 0)
    }
    return next
  }

  /** A frame begins, with its whole header at `at`. */
  #start(head: Uint8Array, at: number): void {
    const [first, second] = [head[at] as number, head[at + 1] as number]
    const opcode = first & 0x0f
    const isFinal = (first & finBit) !== 0
    if ((first & 0x70) !== 0) throw violation('a reserved bit is set, and no extension was agreed on')
    if (((second & maskBit) !== 0) !== this.#masked) {
      throw violation(this.#masked ? 'a frame of a client is not masked' : 'a frame of a server is masked')
    }
    let length = second & 0x7f
    let next = at + 2
    if (length === 126) {
      length = ((head[next] as number) << 8) | (head[next + 1] as number)
      if (length < 126) throw violation('a length takes more bytes than it needs')
      next += 2
    } else if (length === 127) {
      length = 0
      for (let byte = 0; byte < 8; byte++) length = length * 256 + (head[next++] as number)
      if (length < 65_536) throw violation('a length takes more bytes than it needs')
    }
    if (this.#masked) {
      this.#key = 0
      for (let byte = 0; byte < 4; byte++) this.#key |= (head[next++] as number) << (byte * 8)
      this.#phase = 0
    }
    this.#opcode = opcode
    if (opcode >= opcodes.close) {
      if (opcode > opcodes.pong) throw violation(`opcode ${opcode} is not known`)
      if (!isFinal) throw violation('a control frame is fragmented')
      if (length > maxControlBytes) throw violation(`a control frame of ${length} bytes`)
      this.#sink.onIdleFrame()
      this.#control = length === 0 ? noBytes : new Uint8Array(length)
      if (length === 0) this.#controlFrame(noBytes)
    } else {
      this.#data(opcode, isFinal, length)
    }
    if (!this.#closed) this.#left = length
  }

  #data(opcode: number, isFinal: boolean, length: number): void {
    if (opcode === opcodes.text) throw violation('a text message', closeCodes.unsupportedData)
    if (opcode > opcodes.binary) throw violation(`opcode ${opcode} is not known`)
    if ((opcode === opcodes.continuation) !== this.#inMessage) {
      throw violation(this.#inMessage ? 'a message begins inside another' : 'a message goes on that never began')
    }
    if (length > this.#maxFrameBytes) {
      throw new FrameError(
        'ERR_MESSAGE_TOO_LARGE',
        closeCodes.tooLarge,
        `a frame of ${length} bytes, over the limit of ${this.#maxFrameBytes}`
      )
    }
    if (length === 0) this.#sink.onIdleFrame()
    this.#inMessage = !isFinal
  }

  #controlFrame(payload: Uint8Array): void {
    this.#control = noBytes
    if (this.#opcode === opcodes.ping) this.#sink.onPing(payload)
    else if (this.#opcode === opcodes.close) {
      this.#closed = true
      this.#sink.onCloseFrame(closeCodeOf(payload))
    }
  }
}

/** Length of the header at `at`, as far as the bytes before `end` tell: never less than one byte more than there are. */
function headerLength(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 2) return 2
  const second = bytes[at + 1] as number
  const length = second & 0x7f
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + ((second & maskBit) === 0 ? 0 : 4)
}

function closeCodeOf(payload: Uint8Array): number {
  if (payload.length === 0) return closeCodes.none
  const code = ((payload[0] as number) << 8) | (payload[1] as number)
  // RFC 6455, 7.4: 1004 to 1006 and 1015 never come in a frame.
  const known = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999)
  if (payload.length === 1 || !known) throw violation('a Close frame without a code that may be sent')
  return code
}
