import { type AbortOptions, type Clock, PeerloomError, type RandomBytes, toError } from '@peerloom/interface'
import { connectSocket } from '@peerloom/sockets'
import { isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { authorityOf, type WebSocketAddress } from './address.ts'
import { upgradeRequest, wrongAnswer } from './handshake.ts'
import { HttpHeadReader } from './http-head.ts'
import type { ClientTlsOptions } from './options.ts'

export interface ConnectOptions extends AbortOptions {
  readonly clock: Clock
  readonly random: RandomBytes
  readonly timeoutMs: number
  readonly tls: ClientTlsOptions | undefined
}

export interface Upgraded {
  readonly socket: Socket
  /** What the server sent right behind its answer. */
  readonly rest: Uint8Array
}

/**
 * TCP, TLS when the address asks for it, and the HTTP upgrade, inside one bound. Rejects with ERR_ADDRESS_UNREACHABLE and
 * what went wrong as its cause, ERR_TIMEOUT, or the signal's reason.
 */
export async function connectWebSocket(address: WebSocketAddress, options: ConnectOptions): Promise<Upgraded> {
  const { signal, clock, timeoutMs } = options
  const { host, port, family } = address
  const raw = await connectSocket({ host, port }, { signal, family })
  return new Promise((resolve, reject) => {
    const socket = address.secure ? secured(raw, address, options.tls) : raw
    const head = new HttpHeadReader()
    const { key, text } = upgradeRequest(authorityOf(address), address.path, options.random)

    const settle = (): void => {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      socket.off('data', onData).off('error', onError).off('close', onClose).off('end', onClose)
    }
    const fail = (error: Error): void => {
      settle()
      socket.on('error', () => {}) // it is given up, its last words do not matter
      raw.on('error', () => {})
      socket.destroy()
      raw.destroy()
      reject(error)
    }
    const unreachable = (why: string, cause?: unknown): void =>
      fail(new PeerloomError('ERR_ADDRESS_UNREACHABLE', why, { cause, remote: true }))
    const onError = (cause: Error): void => unreachable(cause.message, cause)
    const onClose = (): void => unreachable('the server closed the connection during the WebSocket handshake')
    const onAbort = (): void => fail(toError(signal?.reason))
    const onData = (bytes: Uint8Array): void => {
      let rest: Uint8Array
      try {
        const answer = head.push(bytes)
        if (answer === undefined) return
        const wrong = wrongAnswer(answer.startLine, (name) => answer.headers.get(name), key)
        if (wrong !== undefined) throw new PeerloomError('ERR_PROTOCOL_VIOLATION', wrong, { remote: true })
        rest = answer.rest
      } catch (error) {
        unreachable(`the WebSocket handshake failed: ${toError(error).message}`, error)
        return
      }
      settle()
      resolve({ socket, rest })
    }
    const timer = clock.setTimeout(
      () => fail(new PeerloomError('ERR_TIMEOUT', `the WebSocket handshake took over ${timeoutMs} ms`)),
      timeoutMs
    )
    if (signal?.aborted === true) {
      onAbort()
      return
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.on('data', onData).on('error', onError).on('close', onClose).on('end', onClose)
    socket.write(text) // behind the TLS handshake, which the socket waits for
  })
}

function secured(raw: Socket, { host, sni }: WebSocketAddress, tls: ClientTlsOptions | undefined): Socket {
  raw.on('error', () => {}) // the socket on top of it says so too
  const name = sni ?? host
  return connectTls({
    socket: raw,
    host: name, // what the certificate has to be for, be it an IP address
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: tls?.rejectUnauthorized ?? true,
    ...(tls?.ca === undefined ? {} : { ca: tls.ca as string[] })
  })
}
