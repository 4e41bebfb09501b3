import type { Goal, Row } from './report.ts'
import { longLineWindowBytes } from './workloads.ts'

const both = ['peerloom', 'js-libp2p'] as const
/** Where signatures count. */
const withSodium = ['peerloom', 'peerloom-sodium', 'js-libp2p'] as const
const byEach = (goals: readonly Goal[]): Goal[] => [
  ...goals,
  ...goals.map((goal) => ({ ...goal, by: 'peerloom-sodium' as const }))
]

/**
 * At a GiB a second, 256 MiB are over before all code is compiled. js-libp2p is at its best with them: its queue of what waits to be
 * sent over TLS grows, and with 1,024 it is down to a quarter.
 */
const bulk = { size: 1024, jsSize: 256 } as const

const tlsBulkGoals = [
  { figure: 'mibPerSecond', atLeast: 2.3, of: 'js-libp2p' },
  { figure: 'mibPerSecond', atLeast: 0.8, of: 'raw-tls' }
] as const

const webrtcBulk = {
  stack: 'webrtc',
  size: 128,
  drivers: [...both, 'webrtc-engine'],
  goals: [
    { figure: 'mibPerSecond', atLeast: 0.9, of: 'webrtc-engine' },
    { figure: 'mibPerSecond', atLeast: 1, of: 'js-libp2p' }
  ]
} as const satisfies Partial<Row>

/** The workloads of `pnpm bench`, TCP + Noise + yamux where a row does not say otherwise, with what each is to reach. */
export const rows: readonly Row[] = [
  {
    name: 'one stream up, 64 KiB writes',
    workload: 'up',
    ...bulk,
    drivers: [...both, 'aead-loop', 'raw-tls', 'raw-tls-lean', 'raw-tcp'],
    goals: [
      { figure: 'mibPerSecond', atLeast: 2.3, of: 'js-libp2p' },
      { figure: 'mibPerSecond', atLeast: 0.9, of: 'aead-loop' },
      { figure: 'cpuSecondsPerGiB', atMost: 3.5 }
    ]
  },
  {
    name: 'one stream down, 64 KiB writes',
    workload: 'down',
    ...bulk,
    drivers: [...both, 'aead-loop', 'raw-tls', 'raw-tls-lean', 'raw-tcp'],
    goals: [
      { figure: 'mibPerSecond', atLeast: 2.3, of: 'js-libp2p' },
      { figure: 'mibPerSecond', atLeast: 0.9, of: 'aead-loop' },
      { figure: 'cpuSecondsPerGiB', atMost: 3.5 }
    ]
  },
  {
    name: 'WebSocket: one stream up, 64 KiB writes',
    workload: 'up',
    stack: 'ws',
    ...bulk,
    drivers: both,
    goals: [{ figure: 'mibPerSecond', atLeast: 2.3, of: 'js-libp2p' }]
  },
  {
    name: 'WebSocket: one stream down, 64 KiB writes',
    workload: 'down',
    stack: 'ws',
    ...bulk,
    drivers: both,
    goals: [{ figure: 'mibPerSecond', atLeast: 2.3, of: 'js-libp2p' }]
  },
  {
    name: 'one stream up through a relay, 64 KiB writes, no limits',
    workload: 'relayed',
    stack: 'relay',
    size: 256,
    drivers: both,
    goals: [
      { figure: 'mibPerSecond', atLeast: 3, of: 'js-libp2p' },
      { figure: 'relayCpuSecondsPerGiB', atMost: 0.34, of: 'js-libp2p' }
    ]
  },
  {
    name: 'one stream up through a relay, TLS where it can be, 64 KiB writes, no limits',
    workload: 'relayed',
    stack: 'relay-tls',
    size: 256,
    drivers: both,
    goals: [
      { figure: 'mibPerSecond', atLeast: 3, of: 'js-libp2p' },
      { figure: 'relayCpuSecondsPerGiB', atMost: 0.34, of: 'js-libp2p' }
    ]
  },
  {
    name: 'messages of 100 bytes on one stream',
    workload: 'messages-100',
    size: 2_000_000,
    jsSize: 200_000,
    drivers: [...both, 'raw-tls', 'raw-tcp'],
    goals: [
      { figure: 'messagesPerSecond', atLeast: 1_000_000 },
      { figure: 'messagesPerSecond', atLeast: 20, of: 'js-libp2p' }
    ]
  },
  {
    name: 'messages of 1 KiB on one stream',
    workload: 'messages-1k',
    size: 500_000,
    jsSize: 100_000,
    drivers: [...both, 'raw-tls', 'raw-tcp'],
    goals: [
      { figure: 'messagesPerSecond', atLeast: 400_000 },
      { figure: 'messagesPerSecond', atLeast: 12, of: 'js-libp2p' }
    ]
  },
  {
    name: 'echo of 32 bytes on an open stream',
    workload: 'echo',
    size: 30_000,
    drivers: [...both, 'raw-tls', 'raw-tcp'],
    goals: [
      { figure: 'p50Ms', atMost: 1, of: 'js-libp2p' },
      { figure: 'cpuUs', atMost: 0.4, of: 'js-libp2p' }
    ]
  },
  {
    name: 'dial, handshake, ping, close',
    workload: 'dials',
    size: 800,
    drivers: [...withSodium, 'raw-tls', 'raw-tcp'],
    goals: [
      { figure: 'sequentialPerSecond', atLeast: 4, of: 'js-libp2p' },
      { figure: 'concurrentPerSecond', atLeast: 5, of: 'js-libp2p' }
    ]
  },
  {
    name: 'open a stream, negotiate, 64 B request, 64 B answer, close',
    workload: 'requests',
    size: 8000,
    drivers: [...both, 'raw-tcp'],
    goals: [
      { figure: 'p50Ms', atMost: 0.25, of: 'js-libp2p' },
      { figure: 'concurrentPerSecond', atLeast: 4, of: 'js-libp2p' }
    ]
  },
  {
    name: 'TLS: one stream up, 64 KiB writes',
    workload: 'up',
    stack: 'tls',
    ...bulk,
    drivers: [...both, 'raw-tls', 'raw-tls-lean'],
    goals: tlsBulkGoals
  },
  {
    name: 'TLS: one stream down, 64 KiB writes',
    workload: 'down',
    stack: 'tls',
    ...bulk,
    drivers: [...both, 'raw-tls', 'raw-tls-lean'],
    goals: tlsBulkGoals
  },
  {
    name: 'TLS: dial, handshake, ping, close',
    workload: 'dials',
    stack: 'tls',
    size: 400,
    jsSize: 200,
    drivers: [...both, 'raw-tls'],
    goals: [
      { figure: 'sequentialPerSecond', atLeast: 5, of: 'js-libp2p' },
      { figure: 'concurrentPerSecond', atLeast: 6, of: 'js-libp2p' }
    ]
  },
  {
    name: '1,000 idle connections',
    workload: 'connections',
    size: 1000,
    drivers: both,
    goals: [
      { figure: 'dialerRssKiB', atMost: 50 },
      { figure: 'listenerRssKiB', atMost: 50 }
    ]
  },
  {
    name: '1,000 idle connections with identify',
    workload: 'connections',
    size: 1000,
    identify: true,
    drivers: both,
    goals: [{ figure: 'listenerRssKiB', atMost: 60 }]
  },
  {
    name: '10,000 idle streams on one connection',
    workload: 'streams',
    size: 10_000,
    drivers: both,
    goals: [
      { figure: 'dialerHeapKiB', atMost: 2.5 },
      { figure: 'listenerHeapKiB', atMost: 2.5 },
      { figure: 'dialerRssKiB', atMost: 8 },
      { figure: 'listenerRssKiB', atMost: 8 }
    ]
  },
  {
    name: 'round trips from dial to the first byte of an answer, over a line of 100 ms',
    workload: 'round-trips',
    size: 5,
    drivers: both,
    goals: [{ figure: 'roundTrips', atMost: 3.4 }]
  },
  {
    name: 'one stream over a line of 60 ms, window bound 4 MiB',
    workload: 'long-line',
    size: 256,
    windowBytes: longLineWindowBytes,
    drivers: ['peerloom'],
    goals: [{ figure: 'ofWindowPerRoundTrip', atLeast: 0.9 }]
  },
  {
    name: 'import and first node, in a fresh process',
    workload: 'start-up',
    size: 1,
    drivers: both,
    goals: [
      { figure: 'totalMs', atMost: 120 },
      { figure: 'rssMiB', atMost: 65 }
    ]
  },
  {
    name: 'GossipSub: received RPCs, signed messages of 1 KiB, each eight times',
    workload: 'replay',
    size: 4000,
    jsSize: 1000,
    drivers: withSodium,
    goals: byEach([
      { figure: 'duplicateUs', atMost: 2 },
      { figure: 'duplicateUs', atMost: 0.02, of: 'js-libp2p' },
      { figure: 'ofVerifyLimit', atLeast: 0.9 }
    ])
  },
  {
    name: 'GossipSub: 20 nodes in one process, signed messages of 1 KiB',
    workload: 'gossip-1k',
    messageBytes: 1024,
    size: 1000,
    jsSize: 200,
    drivers: withSodium,
    goals: byEach([
      { figure: 'deliveredPerSecond', atLeast: 10, of: 'js-libp2p' },
      { figure: 'cpuMsPerDelivery', atMost: 0.1, of: 'js-libp2p' }
    ])
  },
  {
    name: 'GossipSub: 20 nodes in one process, signed messages of 128 KiB',
    workload: 'gossip-128k',
    messageBytes: 128 * 1024,
    size: 200,
    jsSize: 40,
    drivers: withSodium,
    goals: byEach([
      { figure: 'deliveredPerSecond', atLeast: 10, of: 'js-libp2p' },
      { figure: 'cpuMsPerDelivery', atMost: 0.1, of: 'js-libp2p' }
    ])
  },
  {
    name: 'QUIC: one stream up, 64 KiB writes',
    workload: 'up',
    stack: 'quic',
    size: 256,
    drivers: both,
    goals: [
      { figure: 'mibPerSecond', atLeast: 3, of: 'js-libp2p' },
      { figure: 'listenerCpuSecondsPerGiB', atMost: 6 }
    ]
  },
  {
    name: 'QUIC: messages of 1 KiB on one stream',
    workload: 'messages-1k',
    stack: 'quic',
    size: 200_000,
    jsSize: 50_000,
    drivers: both,
    goals: [{ figure: 'messagesPerSecond', atLeast: 2, of: 'js-libp2p' }]
  },
  {
    name: 'QUIC: echo of 32 bytes on an open stream',
    workload: 'echo',
    stack: 'quic',
    size: 10_000,
    drivers: both,
    goals: [{ figure: 'p50Ms', atMost: 1.2, of: 'js-libp2p' }]
  },
  { ...webrtcBulk, name: 'WebRTC Direct: one stream up, 64 KiB writes', workload: 'up' },
  { ...webrtcBulk, name: 'WebRTC Direct: one stream down, 64 KiB writes', workload: 'down' }
]
