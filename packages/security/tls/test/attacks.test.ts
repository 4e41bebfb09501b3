import { seededRandom, until, fuzzInputs as rounds, fuzzSeed as seed } from '@peerloom/conformance'
import { systemClock } from '@peerloom/interface'
import { connectSocket, SocketChannel } from '@peerloom/sockets'
import { createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { party, readSome } from './party.ts'
import { socketLink } from './sockets.ts'

/** What a client of ours says first. */
async function clientHello(): Promise<Uint8Array> {
  const { channels, sockets } = await socketLink()
  const heard = new Promise<Uint8Array>((resolve) => channels[1].attach({ data: resolve, end() {}, closed() {} }))
  const securing = (await party()).security.secure(channels[0], { role: 'initiator', muxers: ['/yamux/1.0.0'] })
  const first = await heard
  sockets[1].destroy()
  await securing.catch(() => {})
  return first.slice()
}

test(
  `${rounds} first messages of an attacker leave the process alive, and peers are served meanwhile`,
  { timeout: Math.max(60_000, rounds * 10) },
  async () => {
    const us = await party()
    const open = new Set<Socket>()
    let refused = 0
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      open.add(socket.on('close', () => open.delete(socket)))
      us.security.secure(new SocketChannel(socket, systemClock), { role: 'responder', muxers: ['/yamux/1.0.0'] }).then(
        ({ channel }) => {
          channel.attach({ data() {}, end: () => void channel.close().catch(() => {}), closed() {} })
          channel.send(new TextEncoder().encode('welcome'))
        },
        (error: unknown) => {
          expect(error, `seed ${seed}`).toHaveProperty('code')
          refused++
        }
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const address = { host: '127.0.0.1', port: (server.address() as { port: number }).port }
    const genuine = await clientHello()
    const random = seededRandom(seed)

    const mutate = (): Uint8Array => {
      const bytes = genuine.slice()
      for (let changes = random(4) === 0 ? 1 : random(40); changes >= 0; changes--)
        bytes[random(bytes.length)] = random(256)
      // Mostly the record's own length is left right, so that what is inside is looked at.
      if (random(8) > 0) bytes.set(genuine.subarray(0, 5))
      if (random(8) > 0) bytes.set(genuine.subarray(5, 9), 5)
      const cut = random(4) === 0 ? random(bytes.length) : bytes.length
      return random(8) === 0 ? Buffer.concat([bytes.subarray(0, cut), bytes]) : bytes.subarray(0, cut)
    }
    const attack = async (): Promise<void> => {
      const socket = await connectSocket(address, {})
      const over = new Promise<void>((resolve) => socket.on('error', () => {}).on('close', () => resolve()))
      socket.on('data', () => socket.destroy()) // whatever it says: an alert, or its half of a handshake
      socket.on('end', () => socket.destroy())
      socket.end(mutate())
      await over
    }
    const serve = async (): Promise<void> => {
      const visitor = await party()
      const channel = new SocketChannel(await connectSocket(address, {}), systemClock)
      const { channel: secured } = await visitor.security.secure(channel, {
        role: 'initiator',
        muxers: [],
        expected: us.id
      })
      expect(await readSome(secured)).toBe('welcome')
      await secured.close()
    }
    for (let warm = 0; warm < 500; warm++) await attack()
    const before = process.memoryUsage.rss()
    let left = rounds
    let served = 0
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        while (left-- > 0) {
          await attack()
          if (left % 1000 === 0) await serve().then(() => served++)
        }
      })
    )
    await serve()
    expect(served).toBeGreaterThanOrEqual(Math.floor(rounds / 1000) - 1)
    await until('all attackers are gone', () => open.size === 0)
    expect(refused).toBeGreaterThan(rounds / 2)
    expect(process.memoryUsage.rss() - before).toBeLessThan(128 * 2 ** 20)
  }
)

test('what is no TLS, in any amount, fails the handshake of a responder', async () => {
  const us = await party()
  const random = seededRandom(seed)
  for (let round = 0; round < 200; round++) {
    const { channels, sockets } = await socketLink()
    const securing = us.security.secure(channels[0], { role: 'responder', muxers: [] })
    sockets[1].on('error', () => {})
    sockets[1].end(Uint8Array.from({ length: 1 + random(2000) }, () => random(256)))
    await expect(securing, `seed ${seed}, round ${round}`).rejects.toHaveProperty('code')
    expect(channels[0].status).toBe('reset')
  }
})
