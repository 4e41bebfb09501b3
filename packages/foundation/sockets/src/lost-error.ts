import { PeerloomError } from '@peerloom/interface'

/** What Node and OpenSSL add to the errors of a socket. */
interface SocketFailure extends Error {
  readonly code?: unknown
  /** What OpenSSL says in words. */
  readonly reason?: unknown
}

/** Why a socket was lost: ERR_SECURITY when TLS found something wrong or was told of it, else ERR_CHANNEL_RESET. */
export function lostError(cause: SocketFailure | undefined): PeerloomError {
  const { code, reason } = cause ?? {}
  if (typeof code === 'string' && code.startsWith('ERR_SSL_')) {
    const words = typeof reason === 'string' ? reason : code
    return new PeerloomError('ERR_SECURITY', `TLS: ${words}`, { cause, remote: true })
  }
  const why = cause === undefined ? '' : `: ${cause.message}`
  return new PeerloomError('ERR_CHANNEL_RESET', `the connection was lost${why}`, { cause, remote: true })
}
