import { circuitRelay } from '@peerloom/circuit-relay'
import type { NodeOptions } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { tls } from '@peerloom/tls'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'
import { networkInterfaces } from 'node:os'

/** What a node is made of where its options do not say. */
export type Preset = Required<
  Pick<NodeOptions, 'transports' | 'connectionEncryption' | 'streamMuxers'> & { readonly listen: readonly string[] }
>

const hasIPv6 = (): boolean =>
  Object.values(networkInterfaces()).some((list) => list?.some(({ family }) => family === 'IPv6') === true)

/** For Node: every interface, and TLS first, which OpenSSL runs on the socket itself; those without it get Noise. */
export const preset = (): Preset => ({
  transports: [tcp(), webSockets(), circuitRelay()],
  connectionEncryption: [tls(), noise()],
  streamMuxers: [yamux()],
  listen: ['/ip4/0.0.0.0/tcp/0', ...(hasIPv6() ? ['/ip6/::/tcp/0'] : [])]
})
