import type { SeededRandom } from '@peerloom/conformance'
import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Bytes over TCP to a node, as an attacker would send them. */
export class RawClient {
  readonly socket: Socket
  #received: Buffer = Buffer.alloc(0)

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    this.socket.on('error', () => {}).on('data', (bytes) => (this.#received = Buffer.concat([this.#received, bytes])))
    onTestFinished(() => void this.socket.destroy())
  }

  get received(): Buffer {
    return this.#received
  }

  get text(): string {
    return this.#received.toString('latin1')
  }

  get ended(): boolean {
    return this.socket.readableEnded || this.socket.destroyed
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }
}

export const requestKey = 'dGhlIHNhbXBsZSBub25jZQ=='
/** RFC 6455, 1.3: the answer to that key. */
export const answerKey: string = createHash('sha1')
  .update(`${requestKey}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  .digest('base64')

export const upgradeLines = [
  'GET / HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: keep-alive, Upgrade',
  `Sec-WebSocket-Key: ${requestKey}`,
  'Sec-WebSocket-Version: 13'
]
export const upgrade = (lines: readonly string[] = upgradeLines): string => `${lines.join('\r\n')}\r\n\r\n`

/** A frame as RFC 6455, 5.2 draws it, right or wrong. */
export function frame(
  opcode: number,
  payload: Uint8Array | string = '',
  options: { readonly flags?: number; readonly masked?: boolean; readonly claimedBytes?: bigint } = {}
): Buffer {
  const { flags = 0x80, masked = true, claimedBytes } = options
  const bytes = Buffer.from(payload)
  const length = claimedBytes ?? BigInt(bytes.length)
  const head = length < 126n ? Buffer.alloc(2) : length < 65_536n ? Buffer.alloc(4) : Buffer.alloc(10)
  head[0] = flags | opcode
  head[1] = (masked ? 0x80 : 0) | (head.length === 2 ? Number(length) : head.length === 4 ? 126 : 127)
  if (head.length === 4) head.writeUInt16BE(Number(length), 2)
  if (head.length === 10) head.writeBigUInt64BE(length, 2)
  if (!masked) return Buffer.concat([head, bytes])
  const key = Buffer.from([0x37, 0xfa, 0x21, 0x3d])
  return Buffer.concat([head, key, bytes.map((byte, at) => byte ^ (key[at & 3] as number))])
}

export const randomBytes = (random: SeededRandom, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => random(256))
