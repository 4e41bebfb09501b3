import { until } from '@peerloom/conformance'
import { systemClock } from '@peerloom/interface'
import { connectSocket, SocketChannel } from '@peerloom/sockets'
import { createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'

async function linked(): Promise<{ channel: SocketChannel; ours: Socket; theirs: Socket }> {
  let theirs: Socket | undefined
  const server = createServer((accepted) => (theirs = accepted.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const ours = await connectSocket({ host: '127.0.0.1', port }, {})
  await until('the socket is accepted', () => theirs !== undefined)
  onTestFinished(() => {
    server.close()
    ours.destroy()
    theirs?.destroy()
  })
  return { channel: new SocketChannel(ours, systemClock), ours, theirs: theirs as Socket }
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
