import { type ConnectionProtector, defineModule, type Module } from '@peerloom/interface'
import { fingerprintOf } from './fingerprint.ts'
import { parseKeyFile } from './key-file.ts'
import { ProtectedChannel } from './protected-channel.ts'
import { nonceBytes } from './xsalsa20.ts'

export interface PreSharedKeyOptions {
  /** What a `swarm.key` file holds, as text or bytes; or the 32 bytes of the key themselves. */
  readonly psk: Uint8Array | string
}

/**
 * Makes the node a member of a private network: all its links are enciphered under a key that every member has, before
 * anything else is said on them. QUIC, WebTransport and WebRTC cannot be a part of it.
 *
 * ```ts
 * const node = await createNode({
 *   connectionProtector: preSharedKey({ psk: await readFile('swarm.key') }),
 *   transports: [tcp()], connectionEncryption: [noise()], streamMuxers: [yamux()]
 * })
 * ```
 *
 * Throws ERR_INVALID_KEY when that is no key.
 */
export function preSharedKey(options: PreSharedKeyOptions): Module<ConnectionProtector> {
  const key = parseKeyFile(options.psk)
  const fingerprint = fingerprintOf(key)
  return defineModule({
    name: '@peerloom/pnet',
    options,
    create: ({ clock, random }) => ({
      fingerprint,
      async protect(channel, { signal } = {}) {
        signal?.throwIfAborted()
        const link = new ProtectedChannel(channel, key, random(nonceBytes), clock)
        link.open()
        return link
      }
    })
  })
}

export { generatePreSharedKey } from './key-file.ts'
