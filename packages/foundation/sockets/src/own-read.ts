import { ownBuffer } from '@peerloom/streams'
import type { Socket } from 'node:net'

/**
 * Node reads into a new buffer each time. OpenSSL puts several records into one, and each comes by itself. What a socket was
 * given back (`unshift`) may be anything else.
 */
export function ownRead(bytes: Uint8Array, socket: Socket): void {
  ownBuffer(bytes, 'encrypted' in socket)
}
