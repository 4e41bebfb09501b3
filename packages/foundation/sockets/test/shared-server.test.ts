import { multiaddr } from '@multiformats/multiaddr'
import { ManualClock, until } from '@peerloom/conformance'
import { type Clock, systemClock, type Upgrader } from '@peerloom/interface'
import { claimPort, type LinkKind, type PortClaim, sniff, WaitingSockets } from '@peerloom/sockets'
import { connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'

const hello = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc)
const request = Buffer.from('GET / HTTP/1.1\r\n\r\n')
const multistream = Buffer.from('\x13/multistream/1.0.0\n')

const node = (accepting = () => true): Upgrader => ({ acceptInbound: accepting }) as unknown as Upgrader

interface Accepted {
  readonly kind: LinkKind
  text: string
}

/** One host and port with listeners of some kinds, each noting what it is given. */
async function sharing(kinds: readonly LinkKind[], options: { clock?: Clock; upgrader?: Upgrader } = {}) {
  const upgrader = options.upgrader ?? node()
  const accepted: Accepted[] = []
  const claims: PortClaim[] = []
  const sockets: Socket[] = []
  let port = 0
  const claim = async (kind: LinkKind, of = upgrader): Promise<PortClaim> => {
    const made = await claimPort(
      { host: '127.0.0.1', port },
      {
        upgrader: of,
        clock: options.clock ?? systemClock,
        kind,
        address: multiaddr('/ip4/127.0.0.1/tcp/0'),
        accept: (socket) => {
          const one: Accepted = { kind, text: '' }
          accepted.push(one)
          sockets.push(socket)
          socket.on('data', (bytes) => (one.text += bytes.toString('latin1'))).on('error', () => {})
        }
      }
    )
    claims.push(made)
    port = (made.address() as { port: number }).port
    return made
  }
  for (const kind of kinds) await claim(kind)
  const dial = (): Socket => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }).on('error', () => {})
    sockets.push(socket)
    return socket
  }
  onTestFinished(async () => {
    await Promise.all(claims.map((made) => made.close()))
    for (const socket of sockets) socket.destroy()
  })
  return { accepted, claims, claim, dial, port: () => port }
}

test.each([
  ['an HTTP request', request, 'http'],
  ['a TLS ClientHello', hello, 'tls'],
  ['a negotiation', multistream, 'raw'],
  ['something like HTTP', Buffer.from('GETaway'), 'raw'],
  ['another method', Buffer.from('POST / HTTP/1.1'), 'raw'],
  ['a record that is no handshake', Uint8Array.of(0x17, 3, 3, 0, 1, 1), 'raw'],
  ['a handshake that is no ClientHello', Uint8Array.of(0x16, 3, 3, 0, 1, 2), 'raw'],
  ['random bytes that begin like TLS', Uint8Array.of(0x16, 0xa1, 3), 'raw']
] as const)('%s is told by its first bytes, at every length', (_, bytes, kind) => {
  for (let length = 0; length <= bytes.length; length++) {
    expect([undefined, kind]).toContain(sniff(bytes.subarray(0, length)))
  }
  expect(sniff(bytes)).toBe(kind)
})

test('links go to the listener of their kind, however slowly their bytes come in', async () => {
  const { accepted, dial } = await sharing(['raw', 'http', 'tls'])
  for (const [bytes, kind] of [
    [request, 'http'],
    [hello, 'tls'],
    [multistream, 'raw']
  ] as const) {
    const socket = dial()
    await new Promise((resolve) => socket.once('connect', resolve))
    for (const byte of bytes) {
      socket.write(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const text = Buffer.from(bytes).toString('latin1')
    await until(`${kind} has it all`, () => accepted.at(-1)?.text === text)
    expect(accepted.at(-1)?.kind).toBe(kind)
  }
  expect(accepted).toHaveLength(3)
})

test('a kind that nobody takes goes to those who take anything, or ends', async () => {
  const open = await sharing(['raw', 'http'])
  open.dial().write(hello)
  await until('it is taken', () => open.accepted[0]?.text.length === hello.length)
  expect(open.accepted[0]?.kind).toBe('raw')
  const strict = await sharing(['tls', 'http'])
  const socket = strict.dial()
  socket.write(multistream)
  await until('it is ended', () => socket.destroyed)
  expect(strict.accepted).toEqual([])
})

test('a server of one kind waits for no byte', async () => {
  const { accepted, dial } = await sharing(['raw'])
  dial()
  await until('the silent link is accepted', () => accepted.length === 1)
})

test('when the others have left, the last kind takes everything, and then the port is free', async () => {
  const { accepted, claims, dial, port } = await sharing(['raw', 'http'])
  await claims[1]?.close()
  dial().write(request)
  await until('it is taken', () => accepted[0]?.text.length === request.length)
  expect(accepted[0]?.kind).toBe('raw')
  await claims[0]?.close()
  expect(claims[0]?.address()).toBeUndefined()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port(), '127.0.0.1', resolve))
  await new Promise((resolve) => server.close(resolve))
})

test('two listeners of a kind, and those of different nodes, do not share', async () => {
  const { claim } = await sharing(['raw'])
  await expect(claim('raw')).rejects.toMatchObject({ code: 'ERR_LISTEN' })
  await expect(claim('http', node())).rejects.toMatchObject({ code: 'EADDRINUSE' })
  await claim('http')
})

test('links that the node does not want are ended before they are looked at', async () => {
  let asked = 0
  const upgrader = node(() => {
    asked++
    return false
  })
  const { accepted, dial } = await sharing(['raw', 'http'], { upgrader })
  const socket = dial()
  socket.write(request)
  await until('it is ended', () => socket.destroyed)
  expect(asked).toBe(1)
  expect(accepted).toEqual([])
})

test('a link that says nothing is ended after 10 seconds, and one that ends undecided at once', async () => {
  const clock = new ManualClock()
  const { accepted, dial } = await sharing(['raw', 'http'], { clock })
  const [silent, undecided, ending] = [dial(), dial(), dial()]
  undecided.write('GE')
  ending.end('GE')
  await until('the one that ends is gone', () => ending.destroyed)
  await until('the others wait', () => undecided.bytesWritten === 2 && !silent.connecting)
  await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(9999)
  expect([silent.destroyed, undecided.destroyed]).toEqual([false, false])
  await clock.advance(1)
  await until('both are ended', () => silent.destroyed && undecided.destroyed)
  expect(accepted).toEqual([])
})

test('1,500 links that say nothing keep nobody out', async () => {
  const { accepted, dial } = await sharing(['raw', 'http'])
  const silent: Socket[] = []
  for (let at = 0; at < 1500; at++) {
    silent.push(dial())
    // No more at once than the system holds for us.
    if (at % 100 === 99) await new Promise((resolve) => silent.at(-1)?.once('connect', resolve))
  }
  await until('the oldest make way', () => silent.filter((socket) => socket.destroyed).length >= 1500 - 1024)
  dial().write(multistream)
  await until('a link that speaks is taken', () => accepted[0]?.text.length === multistream.length)
  expect(silent.filter((socket) => !socket.destroyed).length).toBeGreaterThan(1000)
})

test('whoever waits is ended in turn: by number, by time, and at the end', async () => {
  const clock = new ManualClock()
  const waiting = new WaitingSockets({ clock, max: 2, timeoutMs: 100 })
  const ended: number[] = []
  const socket = (id: number): Socket => ({ localFamily: 'IPv4', resetAndDestroy: () => ended.push(id) }) as never
  const [one, two, three, four] = [socket(1), socket(2), socket(3), socket(4)]
  waiting.add(one)
  await clock.advance(50)
  waiting.add(two)
  waiting.add(three)
  expect(ended).toEqual([1])
  await clock.advance(99)
  expect(ended).toEqual([1])
  waiting.remove(two)
  await clock.advance(1)
  expect(ended).toEqual([1, 3])
  expect(clock.pending).toBe(0)
  waiting.add(four)
  waiting.close()
  expect(ended).toEqual([1, 3, 4])
  expect([waiting.size, clock.pending]).toEqual([0, 0])
})
