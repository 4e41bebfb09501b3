import type { Multiaddr } from '@multiformats/multiaddr'
import { fuzzInputs, fuzzSeed, seededRandom, until } from '@peerloom/conformance'
import type { WebSocketOptions } from '@peerloom/websockets'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { answerKey, frame, randomBytes, RawClient, upgrade, upgradeLines } from './raw-client.ts'
import { wsNode } from './nodes.ts'

type Served = Awaited<ReturnType<typeof wsNode>>

let node: Served
let address: Multiaddr
let port = 0

async function serve(options?: WebSocketOptions): Promise<void> {
  await node?.stop()
  node = await wsNode(['/ip4/127.0.0.1/tcp/0/ws'], options)
  await node.handle('/echo', (stream) => stream.sink(stream))
  address = node.multiaddrs()[0] as Multiaddr
  port = Number(address.getComponents()[1]?.value)
}

/** Somebody with honest intentions is served as ever. */
async function expectServed(): Promise<void> {
  const peer = await wsNode()
  const stream = await peer.openStream(address, '/echo')
  await stream.write(new Uint8Array(10_000).fill(7))
  await stream.closeWrite()
  let got = 0
  for await (const bytes of stream) got += bytes.length
  expect(got).toBe(10_000)
  await peer.stop()
}

async function upgraded(): Promise<RawClient> {
  const client = new RawClient(port)
  client.send(upgrade())
  await until('the upgrade is answered', () => client.text.includes('\r\n\r\n'))
  expect(client.text).toContain(`Sec-WebSocket-Accept: ${answerKey}\r\n`)
  return client
}

/** The code of the Close frame behind the upgrade, once the node has hung up. */
async function closeCodeOf(client: RawClient): Promise<number | undefined> {
  await until('the node hangs up', () => client.ended)
  const behind = client.received.subarray(client.received.indexOf('\r\n\r\n') + 4)
  const at = behind.indexOf(Uint8Array.of(0x88, 2))
  return at === -1 ? undefined : behind.readUInt16BE(at + 2)
}

const nobodyLeft = (): Promise<void> => until('nobody is connected', () => node.connections.list().length === 0)

beforeEach(() => serve())
afterEach(() => node.stop())

test.each([
  ['another method', upgrade(['POST / HTTP/1.1', ...upgradeLines.slice(1)]), 405],
  ['no upgrade', upgrade(['GET / HTTP/1.1', 'Host: a']), 426],
  ['another version', upgrade([...upgradeLines.slice(0, 5), 'Sec-WebSocket-Version: 8']), 426],
  ['a key that is none', upgrade(upgradeLines.map((line) => line.replace('dGhl', '!'))), 400],
  ['no key', upgrade(upgradeLines.filter((line) => !line.includes('Key'))), 400],
  ['HTTP/1.0', upgrade(['GET / HTTP/1.0', ...upgradeLines.slice(1)]), 400],
  ['a header without a colon', upgrade([...upgradeLines, 'nonsense']), 400],
  ['a folded header', upgrade([...upgradeLines, ' folded: yes']), 400],
  ['a name with a space', upgrade([...upgradeLines, 'a b: c']), 400],
  ['101 headers', upgrade([...upgradeLines, ...Array.from({ length: 101 }, (_, at) => `x-${at}: y`)]), 400],
  ['a head of 20 KiB', upgrade([...upgradeLines, `x: ${'y'.repeat(20_000)}`]), 400],
  ['20 KiB without an end of line', 'GET /'.padEnd(20_000, 'a'), 400]
])('a request with %s is refused, and the link ended', async (_, request, status) => {
  const client = new RawClient(port)
  client.send(request)
  await until('the node hangs up', () => client.ended)
  expect(client.text.slice(0, 13)).toBe(`HTTP/1.1 ${status} `)
  await expectServed()
})

test('a request that comes byte by byte is as good as any', async () => {
  const client = new RawClient(port)
  for (const byte of Buffer.from(upgrade())) {
    client.send(Uint8Array.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until('the upgrade is answered', () => client.text.includes(answerKey))
})

test(
  `${fuzzInputs} truncated and mutated requests end, and harm nobody`,
  { timeout: Math.max(60_000, fuzzInputs * 10) },
  async () => {
    console.info(`seed ${fuzzSeed}`)
    const random = seededRandom(fuzzSeed)
    const whole = Buffer.from(upgrade())
    const broken = (): Uint8Array => {
      const kind = random(3)
      if (kind === 0) return randomBytes(random, random(500))
      if (kind === 1) return whole.subarray(0, random(whole.length))
      const bytes = Buffer.from(whole)
      for (let changes = random(8); changes >= 0; changes--) bytes[random(bytes.length)] = random(256)
      return bytes
    }
    const attack = (): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect({ host: '127.0.0.1', port, noDelay: true })
        socket.on('error', () => {}).on('close', () => resolve())
        socket.resume().end(broken())
      })
    async function attacks(count: number): Promise<void> {
      let left = count
      const attacker = async (): Promise<void> => {
        while (left-- > 0) await attack()
      }
      await Promise.all(Array.from({ length: 32 }, attacker))
    }
    await attacks(fuzzInputs / 2)
    const before = process.memoryUsage.rss()
    await Promise.all([attacks(fuzzInputs / 2), expectServed()])
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20)
    await expectServed()
    await nobodyLeft()
  }
)

test('whoever does not finish the upgrade in time is ended, also when bytes trickle in', async () => {
  await serve({ handshakeTimeoutMs: 200 })
  const [silent, slow] = [new RawClient(port), new RawClient(port)]
  const request = upgrade([...upgradeLines, `x: ${'y'.repeat(10_000)}`])
  let at = 0
  await until('both are ended', () => {
    if (!slow.socket.destroyed) slow.send(request.charAt(at++))
    return silent.ended && slow.ended
  })
  expect(at).toBeLessThan(request.length)
  expect(slow.text).toBe('')
  await expectServed()
})

test('unfinished upgrades beyond the bound push out the oldest', async () => {
  await serve({ maxPendingUpgrades: 20 })
  const slow = Array.from({ length: 100 }, () => {
    const client = new RawClient(port)
    client.send('GET / HT')
    return client
  })
  await until('80 are ended', () => slow.filter((client) => client.ended).length === 80)
  await expectServed()
})

test.each([
  ['a text message', frame(1, 'hello'), 1003],
  ['a frame that is not masked', frame(2, 'hello', { masked: false }), 1002],
  ['a compressed frame', frame(2, 'hello', { flags: 0xc0 }), 1002],
  ['a frame that is said to have 2 MiB', frame(2, '', { claimedBytes: 2n << 20n }), 1009],
  ['a frame that is said to have 2^62 bytes', frame(2, '', { claimedBytes: 1n << 62n }), 1009],
  ['a fragmented ping', frame(9, '', { flags: 0 }), 1002],
  ['a continuation of nothing', frame(0, 'x'), 1002],
  ['5,000 pings', Buffer.concat(Array.from({ length: 5000 }, () => frame(9, 'again'))), 1008],
  [
    '5,000 empty fragments',
    Buffer.concat([frame(2, '', { flags: 0 }), ...Array(5000).fill(frame(0, '', { flags: 0 }))]),
    1008
  ]
])('%s ends the link with a code that says why', async (_, bytes, code) => {
  const client = await upgraded()
  client.send(bytes)
  expect(await closeCodeOf(client)).toBe(code)
  await nobodyLeft()
  await expectServed()
})

test('an own bound on frames holds', async () => {
  await serve({ maxFrameBytes: 1000 })
  const client = await upgraded()
  client.send(frame(2, Buffer.alloc(1001)))
  expect(await closeCodeOf(client)).toBe(1009)
})

test('a ping is answered, of many at once the last', async () => {
  const client = await upgraded()
  client.send(Buffer.concat([frame(9, 'one'), frame(9, 'two'), frame(9, 'three')]))
  await until('a pong is there', () => client.text.includes('\x8a\x05three'))
  expect(client.text).not.toContain('\x8a\x03one')
  client.send(frame(9, ''))
  await until('the empty one is answered too', () => client.text.endsWith('\x8a\x00'))
})

test('whoever pings and reads no answers does not make memory grow', async () => {
  await serve({ maxIdleFramesPerSecond: 10_000_000 })
  const client = await upgraded()
  client.socket.pause()
  const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(9, Buffer.alloc(125))))
  const before = process.memoryUsage.rss()
  // 62 MiB, and as much in answers that nobody takes.
  const over = new Promise((resolve) => client.socket.once('close', resolve))
  for (let round = 0; round < 500 && !client.ended; round++) {
    if (!client.socket.write(pings)) {
      await Promise.race([new Promise((resolve) => client.socket.once('drain', resolve)), over])
    }
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(48 * 1024 * 1024)
  await expectServed()
})

test('a message in 100,000 fragments is a stream like any other', async () => {
  const client = await upgraded()
  const hello = Buffer.from('\x13/multistream/1.0.0\n')
  const parts = [...hello].map((byte, at) => frame(at === 0 ? 2 : 0, Uint8Array.of(byte), { flags: 0 }))
  client.send(Buffer.concat(parts))
  await until('the node has understood', () => client.text.endsWith('/multistream/1.0.0\n'))
  // A negotiation that never ends is bounded by itself, in bytes that no frame may hide.
  for (let at = 0; at < 100 && !client.ended; at++) {
    client.send(Buffer.concat(Array(1000).fill(frame(0, 'z', { flags: 0 }))))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until('the node hangs up', () => client.ended)
  await expectServed()
})

test('an end without a Close frame is a loss, one with it is an end', async () => {
  const lost = await upgraded()
  lost.socket.end()
  await until('the node hangs up', () => lost.ended)
  const closing = await upgraded()
  closing.send(frame(8, Uint8Array.of(3, 0xe8)))
  expect(await closeCodeOf(closing)).toBe(4000) // what was going on is given up
  const leaving = await upgraded()
  leaving.send(frame(8, Uint8Array.of(3, 0xe9)))
  expect(await closeCodeOf(leaving)).toBe(1001)
  await nobodyLeft()
})

test('garbage behind the upgrade, by 200 clients', async () => {
  const random = seededRandom(5)
  const clients: RawClient[] = []
  for (let round = 0; round < 200; round++) {
    const client = new RawClient(port)
    client.send(upgrade())
    client.send(randomBytes(random, 1 + random(2000)))
    clients.push(client)
  }
  await expectServed()
  for (const client of clients) client.socket.end()
  await nobodyLeft()
})

test('500 peers at once, all served', { timeout: 60_000 }, async () => {
  const peers = await Promise.all(Array.from({ length: 500 }, () => wsNode()))
  const answered = await Promise.all(
    peers.map(async (peer) => {
      const stream = await peer.openStream(address, '/echo', { timeoutMs: 30_000 })
      await stream.write(Uint8Array.of(1, 2, 3))
      await stream.closeWrite()
      let got = 0
      for await (const bytes of stream) got += bytes.length
      return got
    })
  )
  expect(answered).toEqual(answered.map(() => 3))
  await until('all are connected', () => node.connections.list().length === 500)
  await Promise.all(peers.map((peer) => peer.stop()))
  await nobodyLeft()
})
