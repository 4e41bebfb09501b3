import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { parseDirectAddress, parseDirectTarget } from '../src/direct-address.ts'
import { inferAnswer, inferOffer } from '../src/direct-sdp.ts'
import {
  certhashesOf,
  fingerprintOfSdp,
  formatCerthash,
  formatFingerprint,
  noisePrologue,
  parseFingerprint
} from '../src/fingerprint.ts'
import {
  creditFrame,
  decodeFrame,
  flag,
  flagFrame,
  maxPayloadBytes,
  maxSentBytes,
  writeDataHeader
} from '../src/frame.ts'
import {
  credentialsOfRequest,
  isIcePwd,
  isIceUfrag,
  makeV1Credentials,
  serverCredentialsV2
} from '../src/ice-credentials.ts'
import { overRelay, parsePrivateAddress } from '../src/private-address.ts'
import { decodeCandidate, hasAddress, signalCodec, signalType } from '../src/signal-message.ts'

const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const peer = '12D3KooWQ5pWnLtCuNfTZUjXi14rEdgJuFCrAzAZc6LsXVgQLj3o'

test('the Noise prologue of the specification', () => {
  const client = fromHex('3e79af40d6059617a0d83b83a52ce73b0c1f37a72c6043ad2969e2351bdca870')
  const server = fromHex('30fc9f469c207419dfdd0aab5f27a86c973c94e40548db9375cca2e915973b99')
  expect(toHex(noisePrologue(client, server))).toBe(
    '6c69627032702d7765627274632d6e6f6973653a12203e79af40d6059617a0d83b83a52ce73b0c1f37a72c6043ad2969e2351bdca870122030fc9f469c207419dfdd0aab5f27a86c973c94e40548db9375cca2e915973b99'
  )
})

describe('fingerprints', () => {
  const digest = fromHex('3e79af40d6059617a0d83b83a52ce73b0c1f37a72c6043ad2969e2351bdca870')

  test('in SDP and in addresses', () => {
    expect(parseFingerprint(formatFingerprint(digest))).toEqual(digest)
    expect(fingerprintOfSdp(`v=0\r\na=fingerprint:SHA-256 ${formatFingerprint(digest)}\r\na=x\r\n`)).toEqual(digest)
    const address = multiaddr(`/ip4/1.2.3.4/udp/1/webrtc-direct/certhash/${formatCerthash(digest)}`)
    expect(certhashesOf(address)).toEqual([digest])
  })

  test('other hashes and other lengths are none of ours', () => {
    expect(parseFingerprint('AB:CD')).toBeUndefined()
    expect(fingerprintOfSdp('a=fingerprint:sha-512 AB:CD\r\n')).toBeUndefined()
    expect(fingerprintOfSdp('a=fingerprint:sha-256 \r\n')).toBeUndefined()
  })
})

describe('credentials in a binding request (go-libp2p: udpmux/mux_test.go)', () => {
  const v1 = (seed: string): string => `libp2p+webrtc+v1/${seed}`
  const pwd = 'browserClientPassword1234'

  test('v1: one value for all', () => {
    expect(credentialsOfRequest(v1('abcdef'), v1('abcdef'))).toEqual({
      version: 1,
      server: { ufrag: v1('abcdef'), pwd: v1('abcdef') },
      client: { ufrag: v1('abcdef'), pwd: v1('abcdef') }
    })
  })

  test('v2: the password of the client is in the name of the server', () => {
    const server = serverCredentialsV2(pwd)
    expect(credentialsOfRequest(server.ufrag, 'browserClientUfrag')).toEqual({
      version: 2,
      server,
      client: { ufrag: 'browserClientUfrag', pwd }
    })
  })

  test.each([
    ['', v1('abcdef')],
    ['ab', v1('abcdef')],
    [v1('abcdef'), 'ab'],
    ['noprefix', 'noprefix'],
    ['libp2p+webrtc+v3/abcdefghijkl', 'libp2p+webrtc+v3/abcdefghijkl'],
    ['libp2p+webrtc+v2/short', v1('abcdef')],
    [`libp2p+webrtc+v2/${'x'.repeat(21)}`, 'abcdef'],
    [`libp2p+webrtc+v2/${'x'.repeat(22)}`, 'a!cdef'],
    [`libp2p+webrtc+v2/${'x'.repeat(240)}`, 'abcdef'],
    [v1('a b c d e f'), v1('a b c d e f')],
    [v1('abcdef\n'), v1('abcdef\n')],
    [v1('ä'.repeat(8)), v1('abcdef')],
    [v1('x'.repeat(240)), v1('abcdef')]
  ])('%j with %j is refused', (server, client) => {
    expect(credentialsOfRequest(server, client)).toBeUndefined()
  })

  test('the bounds of RFC 8839', () => {
    expect([3, 4, 256, 257].map((length) => isIceUfrag('a'.repeat(length)))).toEqual([false, true, true, false])
    expect([21, 22, 256, 257].map((length) => isIcePwd('a'.repeat(length)))).toEqual([false, true, true, false])
    const all = makeV1Credentials(Uint8Array.from({ length: 256 }, (_, at) => at).subarray(0, 64))
    expect(isIceUfrag(all.ufrag) && isIcePwd(all.pwd)).toBe(true)
  })
})

describe('messages', () => {
  test('flags and payload as others write them', () => {
    expect(Object.values(flag).map((value) => toHex(flagFrame(value)))).toEqual([
      '020800',
      '020801',
      '020802',
      '020803'
    ])
    expect(decodeFrame(fromHex('0800'))).toMatchObject({ flag: flag.fin, message: undefined })
    expect(decodeFrame(fromHex('12030102030803'))).toEqual({
      flag: flag.finAck,
      message: Uint8Array.of(1, 2, 3),
      credit: undefined
    })
  })

  test('a full message is 16 KiB with its prefix', () => {
    const bytes = new Uint8Array(maxSentBytes)
    const start = writeDataHeader(bytes, maxPayloadBytes)
    expect(start + maxPayloadBytes).toBe(maxSentBytes)
    expect(decodeFrame(bytes.subarray(2)).message).toHaveLength(maxPayloadBytes)
  })

  test('credit is a field that others skip', () => {
    const frame = creditFrame(5_000_000)
    expect(frame[0]).toBe(frame.length - 1)
    expect(decodeFrame(frame.subarray(1))).toEqual({ flag: undefined, message: undefined, credit: 5_000_000 })
    // An error code, as go-libp2p sends it.
    expect(decodeFrame(fromHex('08021801'))).toEqual({ flag: flag.reset, message: undefined, credit: undefined })
  })

  test.each(['12', '1205', '120501', '0a', '08', '08ffffffffffffffffffffff', 'ff', '00', '1200'.repeat(20)])(
    '%s is refused',
    (hex) => {
      expect(() => decodeFrame(fromHex(hex))).toThrow(expect.objectContaining({ code: 'ERR_DECODE', remote: true }))
    }
  )
})

describe('addresses', () => {
  const hash = 'uEiADz6hjo1lPw7sjot6nkJ9qzfuYp5a_T4XAeDXv5uQ3Tw'

  test('of servers', () => {
    const parsed = { host: '1.2.3.4', family: 4, port: 5 }
    expect(parseDirectAddress(multiaddr('/ip4/1.2.3.4/udp/5/webrtc-direct'))).toEqual(parsed)
    expect(parseDirectTarget(multiaddr(`/ip4/1.2.3.4/udp/5/webrtc-direct/certhash/${hash}/p2p/${peer}`))).toMatchObject(
      parsed
    )
    expect(parseDirectTarget(multiaddr(`/ip6/::1/udp/5/webrtc-direct/certhash/${hash}`))).toMatchObject({
      host: '::1',
      family: 6
    })
  })

  test.each([
    '/ip4/1.2.3.4/tcp/5',
    '/ip4/1.2.3.4/udp/5/quic-v1',
    '/dns4/example.org/udp/5/webrtc-direct',
    '/ip4/1.2.3.4/udp/5/webrtc',
    `/ip4/1.2.3.4/udp/5/webrtc-direct/p2p/${peer}/p2p-circuit`
  ])('%s is another', (address) => {
    expect(parseDirectAddress(multiaddr(address))).toBeUndefined()
  })

  test('without a hash, or with one that is not SHA-256, nobody can be dialled', () => {
    expect(parseDirectTarget(multiaddr('/ip4/1.2.3.4/udp/5/webrtc-direct'))).toBeUndefined()
    const sha1 = `u${Buffer.from([0x11, 20, ...new Uint8Array(20)]).toString('base64url')}`
    expect(parseDirectTarget(multiaddr(`/ip4/1.2.3.4/udp/5/webrtc-direct/certhash/${sha1}`))).toBeUndefined()
  })

  test('of private peers', () => {
    const circuit = `/ip4/1.2.3.4/tcp/1/p2p/${peer}/p2p-circuit`
    const parsed = parsePrivateAddress(multiaddr(`${circuit}/webrtc/p2p/${peer}`))
    expect(parsed?.circuit.toString()).toBe(`${circuit}/p2p/${peer}`)
    expect(parsed?.peer).toBe(peer)
    expect(parsePrivateAddress(multiaddr(`${circuit}/p2p/${peer}`))).toBeUndefined()
    expect(parsePrivateAddress(multiaddr('/webrtc'))).toBeUndefined()
    expect(overRelay(multiaddr(circuit))?.toString()).toBe(`${circuit}/webrtc`)
    expect(overRelay(multiaddr(`${circuit}/p2p/${peer}`))?.toString()).toBe(`${circuit}/webrtc`)
    expect(overRelay(multiaddr(`${circuit}/webrtc`))).toBeUndefined()
    expect(overRelay(multiaddr('/ip4/1.2.3.4/tcp/1'))).toBeUndefined()
  })
})

test('the descriptions that nobody sends', () => {
  const address = { host: '::1', family: 6, port: 9 } as const
  const credentials = { ufrag: 'someufrag', pwd: 'p'.repeat(22) }
  const answer = inferAnswer({ address, credentials, fingerprint: new Uint8Array(32).fill(0xab) })
  expect(answer).toContain('a=ice-lite\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP6 ::1\r\n')
  expect(answer).toContain(`a=setup:passive\r\n`)
  expect(answer).toContain(`a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\n`)
  const offer = inferOffer({ address, credentials })
  // With `actpass` both ends would be DTLS clients.
  expect(offer).toContain('a=setup:active\r\n')
  expect(offer).toContain('a=max-message-size:16384\r\n')
})

describe('signaling messages', () => {
  test('as others write them', () => {
    expect(toHex(signalCodec.encode({ type: signalType.answer, data: 'x' }))).toBe('0801120178')
    expect(signalCodec.decode(fromHex('120178'))).toEqual({ type: signalType.offer, data: 'x' })
  })

  test('candidates', () => {
    const text = 'candidate:1 1 UDP 2114977791 192.0.2.2 42912 typ host'
    expect(decodeCandidate(JSON.stringify({ candidate: text, sdpMid: '0', sdpMLineIndex: 0 }))).toMatchObject({
      candidate: text
    })
    expect(['', 'null', '""', '{"candidate":""}'].map(decodeCandidate)).toEqual(Array(4).fill(undefined))
    for (const bad of ['{', '1', '[]', '{"candidate":1}', '{}', `"${'x'.repeat(5000)}"`, '[[[[']) {
      expect(() => decodeCandidate(bad)).toThrow(expect.objectContaining({ code: 'ERR_DECODE' }))
    }
  })

  test('a candidate that would have us look up a name', () => {
    const at = (host: string): boolean => hasAddress({ candidate: `candidate:1 1 UDP 1 ${host} 1 typ host` })
    expect(['192.0.2.2', 'fd00::2'].map(at)).toEqual([true, true])
    expect(['example.org', 'abcd.local', 'cafe', ''].map(at)).toEqual([false, false, false, false])
  })
})
