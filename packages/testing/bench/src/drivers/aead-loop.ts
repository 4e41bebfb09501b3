import { createCipheriv, createDecipheriv, createSecretKey, type DecipherGCM } from 'node:crypto'
import type { Socket } from 'node:net'
import type { BenchStream, Driver } from '../driver.ts'
import { connectTcp, listenTcp, socketDriver } from './raw-socket.ts'

/**
 * The limit for any secure channel in plain JS: length, ChaCha20-Poly1305 record, tag; no handshake, no muxer, one key
 * known to both sides. Sealed from 64 KiB writes as they are, opened without reassembly.
 */
const key = createSecretKey(Buffer.alloc(32, 7))
const maxPlain = 65_519
const algorithm = 'chacha20-poly1305'
const options = { authTagLength: 16 } as const

class Nonce {
  readonly bytes: Buffer = Buffer.alloc(12)
  #count = 0

  next(): Buffer {
    this.bytes.writeUInt32LE(this.#count++, 4)
    return this.bytes
  }
}

class AeadStream implements BenchStream {
  readonly #socket: Socket
  readonly #sealing = new Nonce()
  readonly #opening = new Nonce()
  readonly #head = Buffer.alloc(18)
  #need = 0
  #held = 0
  #decipher: DecipherGCM | undefined
  #parts: Buffer[] = []

  constructor(socket: Socket) {
    this.#socket = socket
  }

  send(bytes: Uint8Array): boolean {
    const socket = this.#socket
    let writable = true
    socket.cork()
    for (let at = 0; at < bytes.length; at += maxPlain) {
      const plain = bytes.subarray(at, at + maxPlain)
      const cipher = createCipheriv(algorithm, key, this.#sealing.next(), options)
      const body = cipher.update(plain)
      cipher.final()
      socket.write(Buffer.of((plain.length + 16) >> 8, (plain.length + 16) & 0xff))
      socket.write(body)
      writable = socket.write(cipher.getAuthTag())
    }
    socket.uncork()
    return writable
  }

  drained(): Promise<void> {
    const socket = this.#socket
    return socket.writableNeedDrain ? new Promise((resolve) => socket.once('drain', resolve)) : Promise.resolve()
  }

  read(onData: (bytes: number, data: () => Uint8Array) => void, onEnd: () => void): void {
    this.#socket.on('data', (chunk) => this.#open(chunk, onData))
    this.#socket.on('end', onEnd)
    this.#socket.resume()
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()))
  }

  close(): Promise<void> {
    return this.closeWrite()
  }

  /** `#held` counts bytes of a split length (0-2) or tag (0-16); `#need` the ciphertext still to come. */
  #open(chunk: Buffer, onData: (bytes: number, data: () => Uint8Array) => void): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#decipher === undefined) {
        this.#head[this.#held++] = chunk[at++] as number
        if (this.#held < 2) continue
        this.#held = 0
        this.#need = this.#head.readUInt16BE(0) - 16
        this.#decipher = createDecipheriv(algorithm, key, this.#opening.next(), options) as DecipherGCM
      } else if (this.#need > 0) {
        const part = chunk.subarray(at, at + this.#need)
        this.#parts.push(this.#decipher.update(part))
        this.#need -= part.length
        at += part.length
      } else {
        const tag = chunk.subarray(at, at + 16 - this.#held)
        tag.copy(this.#head, this.#held)
        this.#held += tag.length
        at += tag.length
        if (this.#held < 16) continue
        this.#held = 0
        this.#decipher.setAuthTag(Buffer.from(this.#head.subarray(0, 16)))
        this.#decipher.final()
        this.#decipher = undefined
        for (const plain of this.#parts) onData(plain.length, () => plain)
        this.#parts = []
      }
    }
  }
}

export const driver: Driver = socketDriver(connectTcp, listenTcp, (socket) => new AeadStream(socket))
