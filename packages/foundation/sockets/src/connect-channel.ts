import type { AbortOptions, Clock } from '@peerloom/interface'
import type { SocketAddress } from './address.ts'
import { connectSocket } from './connect-socket.ts'
import { SocketChannel } from './socket-channel.ts'

/**
 * Where all dialled sockets are read into: a read and the call that takes its bytes are one step of the event loop, except on
 * Windows, whose reads are under way before their bytes are there.
 */
const canShareBuffer = process.platform !== 'win32'
const readBytes = 64 * 1024
let buffer: Buffer | undefined

/** Connects a socket as a channel, which reads without a new buffer for each read. Rejects as `connectSocket` does. */
export async function connectChannel(
  address: SocketAddress,
  clock: Clock,
  options: AbortOptions
): Promise<SocketChannel> {
  if (!canShareBuffer) return new SocketChannel(await connectSocket(address, options), clock)
  buffer ??= Buffer.allocUnsafeSlow(readBytes)
  let channel: SocketChannel | undefined
  const callback = (length: number, bytes: Uint8Array): boolean => {
    channel?.read(bytes.subarray(0, length))
    return true
  }
  // The socket reads nothing before the turn in which it says that it is connected has ended.
  channel = new SocketChannel(await connectSocket(address, { ...options, onread: { buffer, callback } }), clock)
  return channel
}
