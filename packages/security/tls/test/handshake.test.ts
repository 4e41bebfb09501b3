import { ManualClock, until } from '@peerloom/conformance'
import { forgeCertificate } from '@peerloom/conformance/certificates'
import { createNode } from '@peerloom/core'
import { generateKey } from '@peerloom/identity'
import { systemClock } from '@peerloom/interface'
import { connectSocket, SocketChannel } from '@peerloom/sockets'
import { byteReader, channelPair } from '@peerloom/streams'
import { tcp } from '@peerloom/tcp'
import { tls, type TlsOptions } from '@peerloom/tls'
import { yamux } from '@peerloom/yamux'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { handshake, party, readSome } from './party.ts'
import { socketLink } from './sockets.ts'
import { stranger } from './stranger.ts'

test.each(['Ed25519', 'secp256k1', 'ECDSA', 'RSA'] as const)('identities of type %s', async (type) => {
  const [a, b] = [await party({ type }), await party({ type })]
  for (let round = 0; round < 2; round++) {
    const { near, far } = await handshake(a, b, { initiator: { expected: b.id } })
    expect([near.remotePeer.toString(), far.remotePeer.toString()]).toEqual([b.id.toString(), a.id.toString()])
    expect(near.remoteKey.equals(b.key.publicKey)).toBe(true)
  }
})

test('bytes that came along with the negotiation are a part of the handshake', async () => {
  const [a, b] = [await party(), await party()]
  const { channels, sockets } = await socketLink()
  const initiating = a.security.secure(channels[0], { role: 'initiator', muxers: [] })
  await until('the first message is here', () => sockets[1].bytesRead > 200)
  channels[1].intercept((bytes) => bytes)
  channels[1].intercept(undefined)
  const far = await b.security.secure(channels[1], { role: 'responder', muxers: [] })
  const near = await initiating
  far.channel.send(new TextEncoder().encode('hello'))
  expect(await readSome(near.channel)).toBe('hello')
})

test('the key exchange is the first of the groups that both have', async () => {
  const certificate = await forgeCertificate({ identity: await generateKey() })
  const agreed = async (options: TlsOptions, theirs = {}): Promise<string | undefined> => {
    const us = await party(options)
    const { channels, sockets } = await socketLink()
    const securing = us.security.secure(channels[0], { role: 'responder', muxers: [] })
    const client = stranger(sockets[1], 'initiator', { certificate, ...theirs })
    await securing
    const info = client.getEphemeralKeyInfo()
    return info !== null && 'name' in info ? info.name : undefined
  }
  // The stranger prefers a hybrid with ML-KEM, and sends keys for both.
  expect(await agreed({})).toBe('X25519')
  expect(await agreed({}, { ecdhCurve: 'P-384' })).toBe('secp384r1')
  expect(await agreed({ groups: ['P-256', 'X25519'] }, { ecdhCurve: 'P-521:P-256:X25519' })).toBe('prime256v1')
})

test('neither a server name nor a session is offered, and no session can be taken up again', async () => {
  const identity = await generateKey()
  const certificate = await forgeCertificate({ identity })
  const us = await party()
  const first = await socketLink()
  const server = stranger(first.sockets[1], 'responder', { certificate })
  await us.security.secure(first.channels[0], { role: 'initiator', muxers: ['/yamux/1.0.0'] })
  await until('the server is through', () => server.getPeerX509Certificate() !== undefined)
  expect([server.servername, server.isSessionReused()]).toEqual([false, false])

  const second = await socketLink()
  let sessions = 0
  const client = stranger(second.sockets[1], 'initiator', { certificate }).on('session', () => sessions++)
  const { channel } = await us.security.secure(second.channels[0], { role: 'responder', muxers: [] })
  let heard = ''
  client.on('data', (bytes) => (heard += bytes.toString()))
  channel.send(new TextEncoder().encode('all'))
  await until('all is heard', () => heard === 'all')
  expect(sessions).toBe(0)
})

test('a handshake that trickles in is ended at its bound', async () => {
  const clock = new ManualClock()
  const us = await party({ clock, handshakeTimeoutMs: 5000 })
  const { channels, sockets } = await socketLink(clock)
  const securing = us.security.secure(channels[0], { role: 'responder', muxers: [] })
  const failed = expect(securing).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  // A record that announces 16 KiB, and comes byte by byte.
  for (const byte of [22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc]) {
    sockets[1].write(Uint8Array.of(byte))
    await clock.advance(500)
  }
  expect(channels[0].status).toBe('open')
  await clock.advance(500)
  await failed
  await until('the socket is gone', () => sockets[0].destroyed)
  expect(clock.pending).toBe(0)
})

test('what belongs to Noise is refused, not passed over', async () => {
  for (const options of [{ prologue: Uint8Array.of(1) }, { certHashes: [] }, { verifyCertHashes: () => {} }]) {
    const [near] = channelPair()
    const securing = (await party()).security.secure(near, { role: 'initiator', muxers: [], ...options })
    await expect(securing).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  }
})

test('a link that has ended before is not secured', async () => {
  const { channels } = await socketLink()
  await channels[1].closeWrite()
  channels[0].attach({ data: () => {}, end: () => {}, closed: () => {} })
  await until('the end is here', () => channels[0].status === 'closing')
  await expect((await party()).security.secure(channels[0], { role: 'initiator', muxers: [] })).rejects.toMatchObject({
    code: 'ERR_UNEXPECTED_END'
  })
})

test('either side may go on when the other has ended, on a socket', async () => {
  const { near, far } = await handshake(await party(), await party())
  await near.channel.closeWrite()
  const reader = byteReader(far.channel)
  expect(await reader.readSome()).toBeUndefined()
  const answer = new Uint8Array(3_000_000).fill(7)
  far.channel.send(answer.slice())
  expect(await byteReader(near.channel).read(answer.length)).toEqual(answer)
  await far.channel.close()
  await until('both are closed', () => near.channel.status === 'closed' && far.channel.status === 'closed')
})

test('a remote that vanishes resets the channel, and what it writes after TLS is a violation', async () => {
  const us = await party()
  const certificate = await forgeCertificate({ identity: await generateKey() })
  for (const role of ['initiator', 'responder'] as const) {
    for (const [deed, code] of [
      ['vanishes', 'ERR_CHANNEL_RESET'],
      ['writes garbage', 'ERR_SECURITY']
    ] as const) {
      const { channels, sockets } = await socketLink()
      const theirs = stranger(sockets[1], role === 'initiator' ? 'responder' : 'initiator', { certificate })
      const through = new Promise((resolve) => theirs.once('secure', resolve))
      const { channel } = await us.security.secure(channels[0], { role, muxers: [] })
      await through
      if (deed === 'vanishes') sockets[1].resetAndDestroy()
      else sockets[1].write('garbage that is no record')
      await expect(byteReader(channel).read(1), `${role}, ${deed}`).rejects.toMatchObject({ code, remote: true })
      expect(channels[0].status).toBe('reset')
      await until('the socket is gone', () => sockets[0].destroyed)
    }
  }
})

test('certificates are few: a tenth of the lifetime before its end a node makes a new one', async () => {
  const clock = new ManualClock()
  const us = await party({ clock, certificateLifetimeMs: 1_000_000 })
  const seen = async (): Promise<string> => {
    const { channels, sockets } = await socketLink(clock)
    const certificate = await forgeCertificate({
      identity: await generateKey(),
      notBefore: clock.now() - 5000,
      notAfter: clock.now() + 5000
    })
    const theirs = stranger(sockets[1], 'responder', { certificate })
    await us.security.secure(channels[0], { role: 'initiator', muxers: [] })
    await until('theirs is through', () => theirs.getPeerX509Certificate() !== undefined)
    return theirs.getPeerX509Certificate()?.fingerprint256 ?? ''
  }
  const first = await seen()
  await clock.advance(899_000)
  expect(await seen()).toBe(first)
  await clock.advance(2000)
  expect(await seen()).toBe(first)
  const second = await seen()
  expect(second).not.toBe(first)
  // Nothing was dialled for longer than a lifetime: the one that is left has expired.
  await clock.advance(2_000_000)
  const third = await seen()
  expect(third).not.toBe(second)
})

test('a lifetime that leaves no time is refused', async () => {
  await expect(party({ certificateLifetimeMs: 10 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  await expect(party({ groups: [] })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  await expect(party({ groups: ['X25519', 'P-255'] })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
})

test('more peers than are remembered are proved anew', async () => {
  const us = await party({ maxKnownCertificates: 1 })
  const others = [await party(), await party(), await party()]
  for (const other of [...others, ...others]) {
    const { near } = await handshake(us, other, { initiator: { expected: other.id } })
    expect(near.remotePeer.equals(other.id)).toBe(true)
  }
})

test('a dialler who is through, and is refused by the listener, sees its connection lost', async () => {
  const us = await party()
  const server = createServer((socket) => {
    // A listener who wants to hear from nobody but itself.
    const options = { role: 'responder', muxers: [], expected: us.id } as const
    us.security.secure(new SocketChannel(socket, systemClock), options).catch(() => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const socket = await connectSocket({ host: '127.0.0.1', port }, {})
  const dialler = await party()
  const { channel } = await dialler.security.secure(new SocketChannel(socket, systemClock), {
    role: 'initiator',
    muxers: [],
    expected: us.id
  })
  channel.send(new TextEncoder().encode('words that nobody reads'))
  await expect(byteReader(channel).read(1)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true })
})

test('nodes agree on the muxer inside the handshake, and meet over TLS when both also have other ways', async () => {
  const modules = { transports: [tcp()], connectionEncryption: [tls()], streamMuxers: [yamux()] }
  const listener = await createNode({ ...modules, addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } })
  const dialer = await createNode(modules)
  onTestFinished(async () => void (await Promise.all([dialer.stop(), listener.stop()])))
  const connection = await dialer.dial(listener.multiaddrs())
  expect(connection).toMatchObject({ security: '/tls/1.0.0', muxer: '/yamux/1.0.0', earlyMuxer: true })
})

test('no TLS socket is left when a node stops', async () => {
  const modules = { transports: [tcp()], connectionEncryption: [tls()], streamMuxers: [yamux()] }
  const listener = await createNode({ ...modules, addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } })
  const dialer = await createNode(modules)
  const count = (): number =>
    process.getActiveResourcesInfo().filter((name) => /^(TLS|TCPSocket)Wrap$/.test(name)).length
  const before = count()
  await dialer.dial(listener.multiaddrs())
  expect(count()).toBeGreaterThan(before)
  await Promise.all([dialer.stop(), listener.stop()])
  await until('the sockets are gone', () => count() <= before)
})
