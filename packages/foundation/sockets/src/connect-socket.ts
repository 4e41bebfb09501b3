import { type AbortOptions, PeerloomError, toError } from '@peerloom/interface'
import { connect, type Socket } from 'node:net'
import type { SocketAddress } from './address.ts'

export interface ConnectSocketOptions extends AbortOptions {
  /** Family of a host that is a name: 0 for either. Default 0. */
  readonly family?: 0 | 4 | 6
}

/** Connects a socket; a host may be a name. Rejects with ERR_ADDRESS_UNREACHABLE and the system's error as cause, or the signal's reason. */
export function connectSocket(address: SocketAddress, options: ConnectSocketOptions): Promise<Socket> {
  const { signal, family = 0 } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(toError(signal.reason))
      return
    }
    const socket = connect({ ...address, family, noDelay: true, keepAlive: true, allowHalfOpen: true })
    const settle = (): void => {
      socket.off('error', onError)
      socket.off('connect', onConnect)
      signal?.removeEventListener('abort', onAbort)
    }
    const onError = (cause: Error): void => {
      settle()
      reject(new PeerloomError('ERR_ADDRESS_UNREACHABLE', cause.message, { cause }))
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
