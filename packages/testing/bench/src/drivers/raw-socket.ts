import { ownRead } from '@peerloom/sockets'
import { doneWith } from '@peerloom/streams'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import * as tls from 'node:tls'
import type { BenchNode, BenchStream, Driver, NodeOptions } from '../driver.ts'
import { certificate } from './certificate.ts'

/** A socket per stream, its protocol named in the first line: the least that any protocol on sockets must cost. */
const wrap = (socket: Socket): BenchStream => ({
  send: (bytes) => socket.write(bytes),
  drained: () =>
    socket.writableNeedDrain ? new Promise((resolve) => socket.once('drain', resolve)) : Promise.resolve(),
  read: (onData, onEnd) => {
    socket.on('data', (bytes) => onData(bytes.length, () => bytes))
    socket.on('end', onEnd)
    socket.resume()
  },
  closeWrite: () => new Promise((resolve) => socket.end(() => resolve())),
  close: () => new Promise((resolve) => socket.end(() => resolve()))
})

/** The same, with the memory of what was read given back at once: the least that an application can pay who knows how. */
const wrapLean = (socket: Socket): BenchStream => ({
  ...wrap(socket),
  read: (onData, onEnd) => {
    socket.on('data', (bytes: Buffer<ArrayBuffer>) => {
      let unkept = bytes.length
      ownRead(bytes, socket)
      onData(bytes.length, () => {
        unkept = 0
        return bytes
      })
      doneWith(bytes.buffer, unkept)
    })
    socket.on('end', onEnd)
    socket.resume()
  }
})

type Connect = (port: number) => Promise<Socket>
type Listen = (onSocket: (socket: Socket) => void) => Promise<{ port: number; close(): void }>

/** Makes a driver of how sockets are opened and accepted. */
export function socketDriver(open: Connect, listen: Listen, wrapSocket: (socket: Socket) => BenchStream): Driver {
  return {
    async create(options: NodeOptions): Promise<BenchNode> {
      const handlers = new Map<string, (stream: BenchStream) => void>()
      const server =
        options.role === 'listen'
          ? await listen((socket) => {
              socket.on('error', () => {})
              const onFirst = (bytes: Buffer): void => {
                socket.off('data', onFirst)
                socket.pause()
                const line = bytes.indexOf(10)
                const rest = bytes.subarray(line + 1)
                if (rest.length > 0) socket.unshift(rest)
                handlers.get(bytes.toString('utf8', 0, line))?.(wrapSocket(socket))
              }
              socket.on('data', onFirst)
            })
          : undefined
      return {
        address: String(server?.port ?? ''),
        handle: async (protocol, handler) => void handlers.set(protocol, handler),
        connect: async (address) => ({
          async open(protocol) {
            const socket = await open(Number(address))
            socket.on('error', () => {})
            socket.write(`${protocol}\n`)
            return wrapSocket(socket)
          },
          ping: async () => {
            const socket = await open(Number(address))
            socket.write('/bench/echo\n')
            const started = performance.now()
            socket.write(Buffer.alloc(32))
            await new Promise((resolve) => socket.once('data', resolve))
            socket.end()
            return performance.now() - started
          },
          close: async () => {}
        }),
        stop: async () => server?.close()
      }
    }
  }
}

const connectTcp: Connect = (port) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true }, () => resolve(socket))
    socket.once('error', reject)
  })

export const listenTcp: Listen = (onSocket) =>
  new Promise((resolve) => {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, onSocket)
    server.listen(0, '127.0.0.1', () =>
      resolve({ port: (server.address() as AddressInfo).port, close: () => server.close() })
    )
  })

export const tcpDriver: Driver = socketDriver(connectTcp, listenTcp, wrap)

const tlsDriverWith = (ciphers: string, wrapSocket: typeof wrap): Driver =>
  socketDriver(
    (port) =>
      new Promise((resolve, reject) => {
        const options = { host: '127.0.0.1', port, rejectUnauthorized: false, ciphers, ALPNProtocols: ['bench'] }
        const socket = tls.connect({ ...options, minVersion: 'TLSv1.3' }, () => resolve(socket))
        socket.setNoDelay(true)
        socket.once('error', reject)
      }),
    async (onSocket) => {
      const { key, cert } = certificate
      const options = { key, cert, ciphers, minVersion: 'TLSv1.3', ALPNProtocols: ['bench'] } as const
      const server = tls.createServer(options, (socket) => {
        socket.setNoDelay(true)
        onSocket(socket)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return { port: (server.address() as AddressInfo).port, close: () => server.close() }
    },
    wrapSocket
  )

/** With the cipher that the drivers beside it use. */
const tlsDriverFor = (wrapSocket: typeof wrap): Driver => {
  const chacha = tlsDriverWith('TLS_CHACHA20_POLY1305_SHA256', wrapSocket)
  const aes = tlsDriverWith('TLS_AES_128_GCM_SHA256', wrapSocket)
  return { create: (options) => (options.stack === 'tls' ? aes : chacha).create(options) }
}

export const tlsDriver: Driver = tlsDriverFor(wrap)
export const leanTlsDriver: Driver = tlsDriverFor(wrapLean)

export { connectTcp }
