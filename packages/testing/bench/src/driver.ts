/** What a workload needs of an implementation. Drivers are thin: they add nothing to what a user's own code would do. */
export interface BenchStream {
  send(bytes: Uint8Array): boolean
  drained(): Promise<void>
  /** Attaches the reader; `onEnd` when the other side has ended. */
  read(onData: (bytes: number, data: () => Uint8Array) => void, onEnd: () => void): void
  closeWrite(): Promise<void>
  close(): Promise<void>
}

export interface BenchConnection {
  open(protocol: string): Promise<BenchStream>
  /** Round trip in ms. */
  ping(): Promise<number>
  close(): Promise<void>
}

export interface BenchNode {
  /** Where it listens. */
  readonly address: string
  handle(protocol: string, handler: (stream: BenchStream) => void): Promise<void>
  connect(address: string): Promise<BenchConnection>
  stop(): Promise<void>
}

/** What connections are made of. Where a part is not named it is TCP, Noise and yamux. `relay-tls` prefers TLS to Noise. */
export type Stack = 'tcp' | 'ws' | 'tls' | 'quic' | 'webrtc' | 'relay' | 'relay-tls'

export const isRelayed = (stack: Stack): boolean => stack === 'relay' || stack === 'relay-tls'

export interface NodeOptions {
  /** `dial` does not listen; `relay` is a relay without limits, for a listener and a dialler of a relayed stack. */
  readonly role: 'listen' | 'dial' | 'relay'
  readonly stack: Stack
  readonly identify?: boolean
  /** Where the relay of a relayed stack is, for its listener. */
  readonly relayAddress?: string
  /** Largest receive window of a stream, where the driver can set it. */
  readonly windowBytes?: number
}

export interface Driver {
  create(options: NodeOptions): Promise<BenchNode>
}

/** `peerloom-sodium` is `peerloom` with sodium-native installed; all others run without it. */
const driverNames = [
  'peerloom',
  'peerloom-sodium',
  'js-libp2p',
  'aead-loop',
  'raw-tls',
  'raw-tls-lean',
  'raw-tcp',
  'webrtc-engine'
] as const
export type DriverName = (typeof driverNames)[number]

const withoutSodium = new URL('./without-sodium.mjs', import.meta.url).href

/** What Node is started with for a driver. */
export const flagsOf = (name: DriverName): string[] => (name === 'peerloom-sodium' ? [] : ['--import', withoutSodium])

export async function loadDriver(name: DriverName): Promise<Driver> {
  switch (name) {
    case 'peerloom':
    case 'peerloom-sodium':
      return (await import('./drivers/peerloom.ts')).driver
    case 'js-libp2p':
      return (await import('./drivers/js-libp2p.ts')).driver
    case 'aead-loop':
      return (await import('./drivers/aead-loop.ts')).driver
    case 'raw-tls':
      return (await import('./drivers/raw-socket.ts')).tlsDriver
    case 'raw-tls-lean':
      return (await import('./drivers/raw-socket.ts')).leanTlsDriver
    case 'raw-tcp':
      return (await import('./drivers/raw-socket.ts')).tcpDriver
    case 'webrtc-engine':
      return (await import('./drivers/webrtc-engine.ts')).driver
  }
}
