import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import nodeDataChannel, { type DataChannel, type DescriptionType, type PeerConnection } from 'node-datachannel'
import type { BenchStream, Driver, NodeOptions } from '../driver.ts'

/** What libp2p allows in one message at most. */
const messageBytes = 16 * 1024
const highBytes = 256 * 1024
const lowBytes = 64 * 1024
/** What is no payload is text. */
const endMessage = 'end'
/** The engine may swap what comes before its channel is listened to. */
const readyMessage = 'ready'

type Signal =
  | { readonly sdp: string; readonly type: DescriptionType }
  | { readonly candidate: string; readonly mid: string }

/** One end of a connection, arranged over a socket as the engine's documentation says. */
function arrange(socket: Socket): PeerConnection {
  const connection = new nodeDataChannel.PeerConnection('bench', { iceServers: [], maxMessageSize: highBytes })
  const say = (signal: Signal): void => void socket.write(`${JSON.stringify(signal)}\n`)
  connection.onLocalDescription((sdp, type) => say({ sdp, type }))
  connection.onLocalCandidate((candidate, mid) => say({ candidate, mid }))
  // The socket lives as long as the connection, in whichever order they end.
  socket.on('error', () => {})
  socket.on('close', () => connection.close())
  // Candidates may come before the description that they belong to.
  const early: (() => void)[] = []
  let described = false
  createInterface({ input: socket }).on('line', (line) => {
    const signal = JSON.parse(line) as Signal
    if ('sdp' in signal) {
      connection.setRemoteDescription(signal.sdp, signal.type)
      described = true
      for (const add of early) add()
    } else {
      const add = (): void => connection.addRemoteCandidate(signal.candidate, signal.mid)
      if (described) add()
      else early.push(add)
    }
  })
  return connection
}

/** A data channel as it is: no frames, no window; a text message is its end. */
function wrap(channel: DataChannel): BenchStream {
  let low: (() => void) | undefined
  channel.setBufferedAmountLowThreshold(lowBytes)
  channel.onBufferedAmountLow(() => low?.())
  // Without this the engine keeps the process alive.
  channel.onClosed(() => {})
  const closeWrite = async (): Promise<void> => void channel.sendMessage(endMessage)
  return {
    send(bytes) {
      for (let at = 0; at < bytes.length; at += messageBytes) {
        channel.sendMessageBinary(bytes.subarray(at, at + messageBytes))
      }
      return channel.bufferedAmount() <= highBytes
    },
    drained: () =>
      channel.bufferedAmount() <= lowBytes ? Promise.resolve() : new Promise((resolve) => (low = resolve)),
    read(onData, onEnd) {
      channel.onMessage((message) => {
        if (typeof message === 'string') onEnd()
        else onData(message.byteLength, () => new Uint8Array(message))
      })
    },
    closeWrite,
    close: closeWrite
  }
}

/** The engine of WebRTC without libp2p: what streams on it cannot be faster than. */
export const driver: Driver = {
  async create({ role }: NodeOptions) {
    const handlers = new Map<string, (stream: BenchStream) => void>()
    const server = createServer((socket) => {
      arrange(socket).onDataChannel((channel) => {
        handlers.get(channel.getLabel())?.(wrap(channel))
        channel.sendMessage(readyMessage)
      })
    })
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => sockets.add(socket))
    if (role === 'listen') {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    }
    return {
      address: String((server.address() as AddressInfo | null)?.port ?? ''),
      handle: async (protocol, handler) => void handlers.set(protocol, handler),
      async connect(address) {
        const socket = connect(Number(address), '127.0.0.1')
        await once(socket, 'connect')
        const connection = arrange(socket)
        return {
          async open(protocol) {
            const channel = connection.createDataChannel(protocol)
            const stream = wrap(channel)
            await new Promise<void>((resolve) => channel.onMessage(() => resolve()))
            return stream
          },
          ping: () => Promise.reject(new Error('the engine has no ping')),
          close: async () => void socket.destroy()
        }
      },
      async stop() {
        for (const socket of sockets) socket.destroy()
        server.close()
      }
    }
  }
}
