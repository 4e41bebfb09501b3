import { type AbortOptions, PeerloomError, toError } from '@peerloom/interface'
import { connect, type OnReadOpts, type Socket } from 'node:net'
import type { SocketAddress } from './address.ts'

export interface ConnectSocketOptions extends AbortOptions {
  /** Has what arrives read into a buffer of the caller's, see node:net; the socket then emits no `data`. */
  readonly onread?: OnReadOpts | undefined
  /** Family of a host that is a name: 0 for either. Default 0. */
  readonly family?: 0 | 4 | 6
}

/** Connects a socket; a host may be a name. Rejects with ERR_ADDRESS_UNREACHABLE and the system's error as cause, or the signal's reason. */
export function connectSocket(address: SocketAddress, options: ConnectSocketOptions): Promise<Socket> {
  const { signal, family = 0, onread } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(toError(signal.reason))
      return
    }
    const reading = onread === undefined ? {} : { onread }
    const socket = connect({ ...address, ...reading, family, noDelay: true, keepAlive: true, allowHalfOpen: true })
    const settle = (): void => {
      socket.off('error', onError)
      socket.off('connect', onConnect)
      signal?.removeEventListener('abort', onAbort)
    }
    const onError = (cause: Error): void => {
      settle()
      // A name that has several addresses: one failure for each.
      const causes = cause instanceof AggregateError ? (cause.errors as Error[]) : [cause]
      reject(new PeerloomError('ERR_ADDRESS_UNREACHABLE', causes.map(({ message }) => message).join('; '), { cause }))
    }
    const onConnect = (): void => {
      settle()
      resolve(socket)
    }
    const onAbort = (): void => {
      settle()
      socket.on('error', () => {}) // the socket is given up, its last words do not matter
      socket.destroy()
      reject(toError(signal?.reason))
    }
    socket.once('error', onError)
    socket.once('connect', onConnect)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
