import { defineModule, type Module, type StreamMuxerFactory } from '@peerloom/interface'
import { mplexProtocol, MplexMuxer } from './muxer.ts'
import { defaultMplexOptions, type MplexOptions, type MplexSettings } from './options.ts'

/**
 * The mplex stream multiplexer, `/mplex/6.7.0`, for peers that speak nothing newer. It has no flow control: a reader that
 * is far behind holds its whole connection back, and is reset when that takes too long. Name it behind `yamux()`.
 *
 * ```ts
 * const node = await createNode({ streamMuxers: [yamux(), mplex()], transports: [tcp()], connectionEncryption: [noise()] })
 * ```
 */
export function mplex(options?: MplexOptions): Module<StreamMuxerFactory> {
  const settings: MplexSettings = {
    ...defaultMplexOptions,
    ...options,
    floodLimits: { ...defaultMplexOptions.floodLimits, ...options?.floodLimits }
  }
  return defineModule({
    name: '@peerloom/mplex',
    options,
    create: () => ({
      protocol: mplexProtocol,
      create(channel, muxerOptions) {
        const muxer = new MplexMuxer(channel, muxerOptions, settings)
        muxer.start()
        return muxer
      }
    })
  })
}

export type { MplexFloodLimit, MplexFloodLimits, MplexOptions } from './options.ts'
