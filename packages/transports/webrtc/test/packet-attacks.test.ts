import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fuzzInputs, fuzzSeed, seededRandom } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { byteReader } from '@peerloom/streams'
import { webRTCDirect } from '@peerloom/webrtc'
import { type PeerProcess, startPeer } from './peer-process.ts'
import { bindingRequest } from './stun-packets.ts'

const v1 = (seed: string): string => `libp2p+webrtc+v1/${seed.padEnd(32, 'a')}`
const v2 = (pwd: string): string => `libp2p+webrtc+v2/${pwd}`
const good = v1('good')

describe('packets at the port of a server', () => {
  let victim: PeerProcess
  let socket: Socket

  beforeAll(async () => {
    victim = await startPeer('victim.ts')
    socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  })

  afterAll(async () => {
    socket.close()
    // It ends by itself: nothing of the engine keeps it alive.
    expect(await victim.stop()).toBe(0)
  })

  const send = (packet: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(packet, victim.port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
    })

  /** A peer that means well gets in, and is answered. */
  async function expectServed(): Promise<void> {
    const dialer = await createNode({ transports: [webRTCDirect()], connectionEncryption: [noise()] })
    try {
      const connection = await dialer.dial(victim.address)
      const stream = await connection.openStream('/echo/1')
      await stream.write(Uint8Array.of(1, 2, 3))
      expect([...(await byteReader(stream).read(3))]).toEqual([1, 2, 3])
    } finally {
      await dialer.stop()
    }
    expect([victim.exitCode, victim.signalCode]).toEqual([null, null])
    await victim.state()
  }

  test('serves who means well', expectServed)

  test('ICE credentials that make the engine throw never reach it', async () => {
    const bad = [
      '',
      ':',
      'nocolon',
      `:${good}`,
      `${good}:`,
      `ab:${good}`,
      `${good}:ab`,
      'noprefix:noprefix',
      'libp2p+webrtc+v1/:x',
      `libp2p+webrtc+v1/a:libp2p+webrtc+v1/a`,
      `${v1('sp ace')}:${v1('sp ace')}`,
      `${v1('new\r\nline')}:${v1('new\r\nline')}`,
      `${v1('nul\0l')}:${v1('nul\0l')}`,
      `${v1('high\xff\xfe')}:${v1('high\xff\xfe')}`,
      `${v1('under_score')}:${v1('under_score')}`,
      `${v1('=')}:${v1('=')}`,
      `${v1('x'.repeat(300))}:${v1('x'.repeat(300))}`,
      `${good}:${good}:${good}`,
      `${v2('short')}:abcd`,
      `${v2('')}:abcd`,
      `${v2('p'.repeat(21))}:abcd`,
      `${v2('p'.repeat(300))}:abcd`,
      `${v2(`${'p'.repeat(22)}!`)}:abcd`,
      `${v2('p'.repeat(22))}:abc`,
      `${v2('p'.repeat(22))}:a b c d`,
      `libp2p+webrtc+v3/${'p'.repeat(32)}:abcdefgh`,
      `LIBP2P+WEBRTC+V1/${'p'.repeat(32)}:abcdefgh`,
      'x'.repeat(513),
      `${'x'.repeat(256)}:${'y'.repeat(256)}`
    ]
    for (const name of bad) {
      for (const password of [name.split(':')[0] ?? '', 'x'.repeat(22)]) {
        await send(bindingRequest(name, password, randomBytes(12)))
      }
    }
    await expectServed()
    expect((await victim.state()).connections).toBeLessThanOrEqual(1)
  })

  const patient = Math.max(60_000, fuzzInputs * 5)
  test(
    `${fuzzInputs} packets of noise, of broken STUN and of broken DTLS do no harm`,
    { timeout: patient },
    async () => {
      console.info(`seed ${fuzzSeed}`)
      const before = (await victim.state()).rss
      const random = seededRandom(fuzzSeed)
      const byte = (): number => random(256)
      const hello = Buffer.concat([
        Buffer.from([22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 48, 254, 253]),
        randomBytes(46)
      ])
      for (let count = 0; count < fuzzInputs; count++) {
        let packet: Buffer
        const kind = count % 4
        if (kind === 0) packet = Buffer.from(Array.from({ length: random(300) }, byte))
        else if (kind === 1) packet = Buffer.from(hello)
        else packet = bindingRequest(`${v1(String(count))}:${v1(String(count))}`, v1(String(count)), randomBytes(12))
        // Some of the broken ones are whole: they cost the server a connection that nobody goes on with.
        if (packet.length > 0 && (kind !== 3 || count % 400 !== 3)) {
          for (let flips = 1 + random(8); flips > 0; flips--) {
            packet[random(packet.length)] = byte()
          }
        }
        if (kind === 2) packet = packet.subarray(0, random(packet.length + 1))
        await send(packet)
        // So that the system does not drop them at a full socket.
        if (count % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 2))
        if (count % 20_000 === 19_999) await expectServed()
      }
      await expectServed()
      expect((await victim.state()).rss - before).toBeLessThan(200 * 2 ** 20)
    }
  )

  test('connections that are begun and left do not keep others out, nor memory', async () => {
    const before = (await victim.state()).rss
    for (let count = 0; count < 2000; count++) {
      const ufrag = v1(`flood${count}`)
      await send(bindingRequest(`${ufrag}:${ufrag}`, ufrag, randomBytes(12)))
      if (count === 1000) await expectServed()
    }
    await expectServed()
    expect((await victim.state()).rss - before).toBeLessThan(200 * 1024 * 1024)
  }, 60_000)

  test('what follows a good first packet may be anything', async () => {
    for (let count = 0; count < 20; count++) {
      const ufrag = v1(`dtls${count}`)
      await send(bindingRequest(`${ufrag}:${ufrag}`, ufrag, randomBytes(12)))
      for (let more = 0; more < 20; more++) {
        await send(Buffer.concat([Buffer.from([22, 254, more % 2 === 0 ? 253 : 255]), randomBytes(more * 60)]))
        await send(Buffer.concat([Buffer.from([20 + (more % 44)]), randomBytes(more * 3)]))
      }
    }
    await expectServed()
  }, 60_000)
})
