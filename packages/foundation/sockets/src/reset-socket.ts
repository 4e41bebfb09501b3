import type { Socket } from 'node:net'

/** Ends a socket so that the remote sees a reset; a unix socket, which knows none, ends all the same. */
export function resetSocket(socket: Socket): void {
  if (socket.localFamily === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
