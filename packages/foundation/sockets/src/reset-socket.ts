import type { Socket } from 'node:net'

/** Ends a socket so that the remote sees a reset; unix and TLS sockets, which know none, end all the same. */
export function resetSocket(socket: Socket): void {
  if (socket.localFamily === undefined || 'encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}
