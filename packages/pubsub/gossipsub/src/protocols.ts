/** Protocol ids, the most wanted first. */
export const gossipsubProtocols = [
  '/meshsub/1.3.0',
  '/meshsub/1.2.0',
  '/meshsub/1.1.0',
  '/meshsub/1.0.0',
  '/floodsub/1.0.0'
] as const

/** What a peer may be sent, by the protocol it speaks. */
export interface Features {
  /** Is in meshes and understands control messages at all. FloodSub does not. */
  readonly mesh: boolean
  /** PRUNE with a backoff and with other peers (1.1). */
  readonly exchange: boolean
  /** IDONTWANT (1.2). */
  readonly dontWant: boolean
  /** The extensions control message, and extensions (1.3). */
  readonly extensions: boolean
}

const features: ReadonlyMap<string, Features> = new Map([
  ['/meshsub/1.3.0', { mesh: true, exchange: true, dontWant: true, extensions: true }],
  ['/meshsub/1.2.0', { mesh: true, exchange: true, dontWant: true, extensions: false }],
  ['/meshsub/1.1.0', { mesh: true, exchange: true, dontWant: false, extensions: false }],
  ['/meshsub/1.0.0', { mesh: true, exchange: false, dontWant: false, extensions: false }]
])
const floodsub: Features = { mesh: false, exchange: false, dontWant: false, extensions: false }

/** A protocol that is not known is sent what FloodSub understands. */
export const featuresOf = (protocol: string): Features => features.get(protocol) ?? floodsub
