import type { Socket } from 'node:net'

/**
 * Ends a socket so that the remote sees a reset. Unix and TLS sockets, which know none, end all the same; so does one whose end
 * is on its way: the system does not reset those, and Node would leave them open when it is refused.
 */
export function resetSocket(socket: Socket): void {
  if (socket.localFamily === undefined || 'encrypted' in socket || isEnding(socket)) socket.destroy()
  else socket.resetAndDestroy()
}

/** Whether the end was asked for and has not left yet. */
export const isEnding = (socket: Socket): boolean => socket.writableEnded && !socket.writableFinished
