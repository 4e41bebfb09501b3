import { circuitRelay } from '@peerloom/circuit-relay'
import type { NodeOptions } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webRTC, webRTCDirect } from '@peerloom/webrtc'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'

/** What a node is made of where its options do not say. */
export type Preset = Required<
  Pick<NodeOptions, 'transports' | 'connectionEncryption' | 'streamMuxers'> & { readonly listen: readonly string[] }
>

/** For browsers: everything that a page may dial. It listens on nothing; `/p2p-circuit` and `/webrtc` ask for relays. */
export const preset = (): Preset => ({
  transports: [webSockets(), webRTCDirect(), webRTC(), circuitRelay()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()],
  listen: []
})
