import { type Clock, systemClock } from '@peerloom/interface'
import { connectSocket, SocketChannel } from '@peerloom/sockets'
import { createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface SocketLink {
  readonly channels: [SocketChannel, SocketChannel]
  readonly sockets: [Socket, Socket]
}

/** Two channels of ours at the ends of a TCP connection. */
export async function socketLink(clock: Clock = systemClock): Promise<SocketLink> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const sockets: [Socket, Socket] = [await connectSocket({ host: '127.0.0.1', port }, {}), await accepted]
  server.close()
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  return { sockets, channels: [new SocketChannel(sockets[0], clock), new SocketChannel(sockets[1], clock)] }
}
