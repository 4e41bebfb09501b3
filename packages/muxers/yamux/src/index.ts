import { defineModule, type Module, type StreamMuxerFactory } from '@peerloom/interface'
import { YamuxMuxer, yamuxProtocol } from './muxer.ts'
import { defaultYamuxOptions, type YamuxOptions, type YamuxSettings } from './options.ts'

/**
 * The yamux stream multiplexer, `/yamux/1.0.0`: flow control for each stream, receive windows that grow with the link.
 *
 * ```ts
 * const node = await createNode({ streamMuxers: [yamux()], transports: [tcp()], connectionEncryption: [noise()] })
 * ```
 */
export function yamux(options?: YamuxOptions): Module<StreamMuxerFactory> {
  const settings: YamuxSettings = {
    ...defaultYamuxOptions,
    ...options,
    floodLimits: { ...defaultYamuxOptions.floodLimits, ...options?.floodLimits }
  }
  return defineModule({
    name: '@peerloom/yamux',
    options,
    create: () => ({
      protocol: yamuxProtocol,
      create(channel, muxerOptions) {
        const muxer = new YamuxMuxer(channel, muxerOptions, settings)
        muxer.start()
        return muxer
      }
    })
  })
}

export type { YamuxFloodLimit, YamuxFloodLimits, YamuxOptions } from './options.ts'
