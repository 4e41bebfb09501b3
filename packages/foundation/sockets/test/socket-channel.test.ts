import { until } from '@peerloom/conformance'
import { systemClock } from '@peerloom/interface'
import { connectChannel, connectSocket, type SocketAddress, SocketChannel } from '@peerloom/sockets'
import { lastUse, ownBuffer } from '@peerloom/streams'
import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'

/** What is connected by `connect`, and the plain socket that was accepted for it. */
async function accepting<T>(connect: (address: SocketAddress) => Promise<T>): Promise<{ made: T; theirs: Socket }> {
  let theirs: Socket | undefined
  const server = createServer((accepted) => (theirs = accepted.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const made = await connect({ host: '127.0.0.1', port })
  await until('the socket is accepted', () => theirs !== undefined)
  onTestFinished(() => {
    server.close()
    theirs?.destroy()
  })
  return { made, theirs: theirs as Socket }
}

async function linked(): Promise<{ channel: SocketChannel; ours: Socket; theirs: Socket }> {
  const { made: ours, theirs } = await accepting((address) => connectSocket(address, {}))
  onTestFinished(() => void ours.destroy())
  return { channel: new SocketChannel(ours, systemClock), ours, theirs }
}

async function linkedInPlace(): Promise<{ channel: SocketChannel; theirs: Socket }> {
  const { made: channel, theirs } = await accepting((address) => connectChannel(address, systemClock, {}))
  onTestFinished(() => channel.abort(new Error('the test is over')))
  return { channel, theirs }
}

test('a socket that is given up holds what nobody had read, and has been given all that was sent', async () => {
  const { channel, ours, theirs } = await linked()
  let heard = ''
  theirs.on('data', (bytes) => (heard += bytes.toString()))
  theirs.write('one, ')
  await until('the bytes wait in the channel', () => ours.bytesRead === 5)
  channel.send(new TextEncoder().encode('sent before'))
  const socket = channel.detachSocket()
  expect(socket).toBe(ours)
  theirs.write('two')
  let read = ''
  socket?.on('data', (bytes) => (read += bytes.toString()))
  socket?.resume()
  await until('everything is read', () => read === 'one, two')
  await until('everything is heard', () => heard === 'sent before')
})

test('a channel that gave its socket up still ends it, and one that is over gives none', async () => {
  const { channel, ours, theirs } = await linked()
  expect(channel.detachSocket()).toBe(ours)
  channel.abort(new Error('the handshake took too long'))
  await until('the socket is gone', () => ours.destroyed && theirs.destroyed)
  expect(channel.detachSocket()).toBeUndefined()
})

test('what is read into the shared buffer is kept for readers that keep it, and while nobody reads', async () => {
  const { channel, theirs } = await linkedInPlace()
  theirs.write('one')
  await until('the bytes wait', () => theirs.bytesWritten === 3)
  await new Promise((resolve) => setImmediate(resolve))
  const kept: Uint8Array[] = []
  channel.attach({ data: (bytes) => void kept.push(bytes), end() {}, closed() {} })
  for (const word of ['two', 'three']) {
    const before = kept.length
    theirs.write(word)
    await until(`${word} is read`, () => kept.length > before)
  }
  expect(Buffer.concat(kept).toString()).toBe('onetwothree')
})

test('the shared buffer serves several sockets, held back and let go again', async () => {
  const links = await Promise.all([linkedInPlace(), linkedInPlace()])
  const hashes = links.map(() => createHash('sha256'))
  const sent = links.map((_, at) => Buffer.alloc(3_000_000, at + 1))
  const ended = links.map(({ channel }, at) => {
    let taken = 0
    return new Promise<void>((resolve) => {
      channel.attach({
        transient: true,
        data(bytes) {
          hashes[at]?.update(bytes)
          taken += bytes.length
          if (taken % 7 !== 0) return
          channel.pause()
          setImmediate(() => channel.resume())
        },
        end: resolve,
        closed: () => resolve()
      })
    })
  })
  for (const [at, { theirs }] of links.entries()) theirs.end(sent[at] ?? '')
  await Promise.all(ended)
  const expected = sent.map((bytes) => createHash('sha256').update(bytes).digest('hex'))
  expect(hashes.map((hash) => hash.digest('hex'))).toEqual(expected)
})

test('a channel that is aborted while its end is on its way lets go of its socket', async () => {
  const { channel, ours } = await linked()
  let closed = false
  ours.on('close', () => (closed = true))
  channel.send(new Uint8Array(8_000_000)) // more than the system takes, and nobody reads
  const closing = channel.closeWrite()
  channel.abort(new Error('too slow'))
  await expect(closing).rejects.toThrow('too slow')
  await until('the socket is closed', () => closed)
})

test('what was read for a reader that keeps nothing is given back, and what is kept stays', async () => {
  const { channel, theirs } = await linked()
  const seen: Uint8Array[] = []
  let bytes = 0
  const reader = {
    data(chunk: Uint8Array) {
      seen.push(chunk)
      bytes += chunk.length
    },
    end() {},
    closed() {}
  }
  channel.attach({ ...reader, transient: true })
  theirs.write(new Uint8Array(200_000).fill(1))
  await until('it is read', () => bytes === 200_000)
  // All that filled its buffer.
  expect(seen.some(({ length }) => length === 0)).toBe(true)
  seen.length = 0
  channel.attach(reader)
  theirs.write(new Uint8Array(200_000).fill(2))
  await until('it is read', () => bytes === 400_000)
  expect(seen.reduce((sum, { length }) => sum + length, 0)).toBe(200_000)
  expect(seen.every((chunk) => chunk.every((byte) => byte === 2))).toBe(true)
})

test('what is written for the last time is given back when it has left', async () => {
  const { channel, theirs } = await linked()
  let heard = 0
  theirs.on('data', (chunk) => (heard += chunk.reduce((sum, byte) => sum + byte, 0)))
  const [kept, last] = [new Uint8Array(100_000).fill(1), new Uint8Array(100_000).fill(1)]
  for (const bytes of [kept, last]) ownBuffer(bytes)
  channel.send(kept)
  channel.send(lastUse(last))
  await until('all is heard', () => heard === 200_000)
  await until('it is given back', () => last.length === 0)
  expect(kept.length).toBe(100_000)
})
