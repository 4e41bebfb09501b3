import { createHmac } from 'node:crypto'

const magicCookie = 0x2112a442
const username = 0x0006
const messageIntegrity = 0x0008
const priority = 0x0024
const iceControlling = 0x802a
const fingerprint = 0x8028

function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
  bytes.writeUInt16BE(type, 0)
  bytes.writeUInt16BE(value.length, 2)
  bytes.set(value, 4)
  return bytes
}

function message(parts: readonly Uint8Array[], transaction: Uint8Array, more: number): Buffer {
  const head = Buffer.alloc(20)
  head.writeUInt16BE(0x0001, 0)
  head.writeUInt16BE(parts.reduce((sum, part) => sum + part.length, 0) + more, 2)
  head.writeUInt32BE(magicCookie, 4)
  head.set(transaction, 8)
  return Buffer.concat([head, ...parts])
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1))
  }
  return (crc ^ 0xffffffff) >>> 0
}

/** The first packet of an ICE client (RFC 8489, RFC 8445 section 7.2.2), with whatever user name and password. */
export function bindingRequest(name: Uint8Array | string, password: string, transaction: Uint8Array): Buffer {
  const parts = [
    attribute(username, typeof name === 'string' ? Buffer.from(name, 'latin1') : name),
    attribute(priority, Uint8Array.of(0x6e, 0, 1, 0xff)),
    attribute(iceControlling, new Uint8Array(8))
  ]
  const signed = message(parts, transaction, 24)
  parts.push(attribute(messageIntegrity, createHmac('sha1', password).update(signed).digest()))
  const summed = message(parts, transaction, 8)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE((crc32(summed) ^ 0x5354554e) >>> 0)
  parts.push(attribute(fingerprint, sum))
  return message(parts, transaction, 0)
}
