import { defineModule, type Module, type SecureTransport } from '@peerloom/interface'
import { crypto } from './crypto.browser.ts'
import { Noise, type NoiseOptions } from './noise.ts'

/**
 * The Noise XX secure channel, `/noise`, with the muxer agreed inside the handshake where the remote can.
 *
 * ```ts
 * const node = await createNode({ connectionEncryption: [noise()], transports: [tcp()], streamMuxers: [yamux()] })
 * ```
 */
export function noise(options?: NoiseOptions): Module<SecureTransport> {
  return defineModule({
    name: '@peerloom/noise',
    options,
    create: (node) => new Noise(node, crypto, options ?? {})
  })
}

export type { NoiseOptions } from './noise.ts'
