import { multiaddr } from '@multiformats/multiaddr'
import { ProtobufWriter } from '@peerloom/bounded'
import { decodeIdentify, encodeIdentify, type IdentifyMessage } from '@peerloom/identify'
import { expect, test } from 'vitest'

const limits = { maxAddresses: 500, maxProtocols: 1024 }
const message: IdentifyMessage = {
  publicKey: Uint8Array.of(8, 1, 18, 1, 7),
  listenAddresses: [multiaddr('/ip4/1.2.3.4/tcp/4001'), multiaddr('/ip6/2001:db8::1/udp/4001/quic-v1')],
  protocols: ['/ipfs/id/1.0.0', '/chat/1'],
  observedAddress: multiaddr('/ip4/5.6.7.8/tcp/9'),
  protocolVersion: 'ipfs/0.1.0',
  agentVersion: 'peerloom/1',
  signedPeerRecord: Uint8Array.of(1, 2, 3)
}

test('a message comes out as it went in', () => {
  const [bytes, ...others] = encodeIdentify(message)
  expect(others).toEqual([])
  expect(decodeIdentify(bytes as Uint8Array, limits)).toEqual(message)
})

test('the bytes are those of the specification', () => {
  const [bytes] = encodeIdentify({
    listenAddresses: [multiaddr('/ip4/1.2.3.4/tcp/4001')],
    protocols: ['/a'],
    agentVersion: 'x'
  })
  expect(Buffer.from(bytes as Uint8Array).toString('hex')).toBe('320178' + '1a022f61' + '1208' + '0401020304060fa1')
})

test('unknown fields and addresses of unknown kinds are passed over', () => {
  const bytes = new ProtobufWriter()
    .string(99, 'later')
    .bytes(2, Uint8Array.of(0xff, 0xff, 0x7f))
    .string(6, 'x')
    .finish()
  expect(decodeIdentify(bytes, limits)).toEqual({ listenAddresses: [], agentVersion: 'x' })
})

test('a message that names no protocols is told apart from one that names none', () => {
  expect(decodeIdentify(new Uint8Array(0), limits).protocols).toBeUndefined()
})

test('long messages are cut between fields, at a length that every implementation reads', () => {
  const protocols = Array.from({ length: 900 }, (_, at) => `/a/protocol/of/some/length/${at}`)
  const pieces = encodeIdentify({ ...message, protocols })
  expect(pieces.length).toBeGreaterThan(1)
  for (const piece of pieces) {
    expect(piece.length).toBeLessThanOrEqual(4096)
    decodeIdentify(piece, limits) // every piece is a message
  }
  expect(decodeIdentify(new Uint8Array(Buffer.concat(pieces)), limits).protocols).toEqual(protocols)
})

test('more than ten pieces are refused when they are written', () => {
  const protocols = Array.from({ length: 900 }, (_, at) => `/${'x'.repeat(100)}/${at}`)
  expect(() => encodeIdentify({ ...message, protocols })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
  )
})

test('a single part that others would not read is refused when it is written', () => {
  expect(() => encodeIdentify({ listenAddresses: [], signedPeerRecord: new Uint8Array(8190) })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
  )
  expect(encodeIdentify({ listenAddresses: [], signedPeerRecord: new Uint8Array(8189) })).toHaveLength(1)
})

test('the first piece alone is worth reading: rust reads no other', () => {
  const listenAddresses = Array.from({ length: 300 }, (_, at) => multiaddr(`/ip4/1.2.3.4/tcp/${at + 1}`))
  const [first] = encodeIdentify({ ...message, listenAddresses, signedPeerRecord: new Uint8Array(3000) }, 200)
  expect((first as Uint8Array).length).toBeLessThanOrEqual(4096 - 200)
  const alone = decodeIdentify(first as Uint8Array, limits)
  expect(alone).toMatchObject({
    publicKey: message.publicKey,
    protocols: message.protocols,
    agentVersion: 'peerloom/1'
  })
  expect(alone.listenAddresses.length).toBeGreaterThan(200)
})

test('larger limits are really larger', () => {
  const protocols = Array.from({ length: 4000 }, (_, at) => `/${at}`)
  const whole = new Uint8Array(Buffer.concat(encodeIdentify({ listenAddresses: [], protocols })))
  expect(decodeIdentify(whole, { maxAddresses: 1, maxProtocols: 4000 }).protocols).toHaveLength(4000)
})
