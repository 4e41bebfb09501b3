import { PeerloomError } from '@peerloom/interface'
import { createSocket, type Socket } from 'node:dgram'
import type { DatagramPort, UdpAddress } from '../udp.ts'

const maxQueuedBytes = 512 * 1024
const bufferBytes = 4 * 1024 * 1024

/** Every address is one already: sends the way of names would cost a turn each. */
const noLookup = (
  host: string,
  _options: unknown,
  done: (error: null, address: string, family: number) => void
): void => done(null, host, host.includes(':') ? 6 : 4)

class UdpSocket implements DatagramPort {
  onDatagram: DatagramPort['onDatagram'] = undefined
  readonly local: UdpAddress
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    const { address: host, port } = socket.address()
    this.local = { host, port }
    socket.on('message', (bytes, { address, port: from }) => this.onDatagram?.(bytes, { host: address, port: from }))
    // Unreachable ports and the like: QUIC finds out by itself.
    socket.on('error', () => {})
  }

  get isFull(): boolean {
    return this.#socket.getSendQueueSize() > maxQueuedBytes
  }

  send(bytes: Uint8Array, to: UdpAddress): void {
    // Without a callback, which would cost a turn each: what fails is an `error` event.
    this.#socket.send(bytes, to.port, to.host)
  }

  close(): Promise<void> {
    this.onDatagram = undefined
    return new Promise((resolve) => {
      try {
        this.#socket.close(() => resolve())
      } catch {
        resolve() // closed already
      }
    })
  }
}

/** Binds a UDP socket. Rejects with ERR_LISTEN and the system's cause. */
export function bindUdp(at: UdpAddress): Promise<DatagramPort> {
  const type = at.host.includes(':') ? 'udp6' : 'udp4'
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type, ipv6Only: type === 'udp6', lookup: noLookup as never })
    const onError = (cause: Error): void => {
      socket.close()
      const message = `cannot bind UDP ${at.host} port ${at.port}: ${cause.message}`
      reject(new PeerloomError('ERR_LISTEN', message, { cause }))
    }
    socket.once('error', onError)
    socket.bind({ address: at.host, port: at.port, exclusive: true }, () => {
      socket.off('error', onError)
      try {
        socket.setRecvBufferSize(bufferBytes)
        socket.setSendBufferSize(bufferBytes)
      } catch {
        // The system's own sizes have to do.
      }
      resolve(new UdpSocket(socket))
    })
  })
}
