import { pubsubColumns } from './pubsub-matrix.ts'
import type { Column } from './results.ts'
import { isNegotiated, stacks, type StackName } from './stacks.ts'

export type PeerName = 'peerloom' | 'js' | 'js frozen' | 'go' | 'rust'

/** One run of the checks. A relayed row has a third peer in between. */
export interface Row {
  readonly stack: StackName
  readonly dialler: PeerName
  readonly listener: PeerName
  readonly relay?: PeerName
}

export type CheckName =
  | 'connects'
  | 'pings'
  | 'echoes'
  | 'half-closes'
  | 'sees resets'
  | 'sends resets'
  | 'runs 100 streams'
  | 'identifies'
  | 'is pushed changes'
  | 'opens the peer record'
  | 'says good-bye'

/** What a foreign implementation cannot do, whoever is on the other side. */
interface Gap {
  readonly peer: PeerName
  readonly stacks: readonly StackName[]
  readonly checks: readonly CheckName[]
  /** Which side of a check: the one that asks, the one that answers. Default: both. */
  readonly side?: 'asks' | 'answers'
  readonly reason: string
}

export const peerNames: readonly PeerName[] = ['peerloom', 'js', 'js frozen', 'go', 'rust']
export const foreignNames: readonly PeerName[] = peerNames.filter((name) => name !== 'peerloom')
export const stackNames: readonly StackName[] = Object.keys(stacks) as StackName[]
export const columnNames: readonly Column[] = [...stackNames, ...pubsubColumns]

export function isStack(column: Column): column is StackName {
  return column in stacks
}

export const gaps: readonly Gap[] = [
  {
    peer: 'js',
    stacks: ['quic-v1', 'quic-v1 quiche'],
    checks: ['sees resets'],
    side: 'asks',
    reason: '@chainsafe/libp2p-quic 2.1.1 reports a reset as the end of the stream'
  },
  {
    peer: 'js',
    stacks: ['quic-v1', 'quic-v1 quiche'],
    checks: ['sends resets'],
    side: 'answers',
    reason: '@chainsafe/libp2p-quic 2.1.1 reports a reset as the end of the stream'
  },
  {
    peer: 'rust',
    stacks: ['quic-v1', 'quic-v1 quiche'],
    checks: ['sees resets'],
    side: 'answers',
    reason: 'rust-libp2p resets streams by dropping them, which QUIC finishes instead'
  },
  {
    peer: 'rust',
    stacks: ['quic-v1', 'quic-v1 quiche'],
    checks: ['sends resets'],
    side: 'asks',
    reason: 'rust-libp2p resets streams by dropping them, which QUIC finishes instead'
  },
  {
    peer: 'rust',
    stacks: ['webrtc-direct v1'],
    checks: ['echoes', 'half-closes', 'sees resets', 'sends resets', 'runs 100 streams'],
    reason: 'libp2p-webrtc 0.10.0-alpha sends messages that are too long, and takes FIN_ACK for an error'
  },
  {
    peer: 'rust',
    stacks: ['webrtc-direct v1'],
    checks: ['says good-bye'],
    reason:
      'libp2p-webrtc 0.10.0-alpha does not look whether its connection has ended: a ping that fails tells, much later'
  }
]

/** Rows that are known to fail, and why. They run and are in the table, but are nothing to stop at. */
const broken: readonly (Row & { readonly reason: string })[] = [
  {
    stack: 'webtransport',
    dialler: 'go',
    listener: 'peerloom',
    reason: 'go-libp2p 0.51 asks WebTransport servers for reliable resets of QUIC streams, which quiche 0.18 has not'
  },
  {
    stack: 'relay',
    dialler: 'js',
    listener: 'rust',
    relay: 'rust',
    reason: 'js-libp2p refuses the address that rust-libp2p says to have observed behind a relay'
  },
  ...(
    [
      ['rust', 'js'],
      ['rust', 'go'],
      ['go', 'rust']
    ] as const
  ).map(([dialler, listener]) => ({
    stack: 'webrtc-direct v1' as const,
    dialler,
    listener,
    reason: 'libp2p-webrtc 0.10.0-alpha connects only now and then'
  })),
  {
    stack: 'webrtc',
    dialler: 'js',
    listener: 'js',
    relay: 'js',
    reason: 'js-libp2p loses resets that come right before the end of a channel'
  }
]

/** Why a row is known to fail, if it is. */
export function knownFailure(row: Row): string | undefined {
  return broken.find((known) => rowTitle(known) === rowTitle(row))?.reason
}

/** Why a peer cannot be in a row; undefined when it can. */
export function unsupported(peer: PeerName, stack: StackName): string | undefined {
  switch (peer) {
    case 'peerloom':
      return undefined
    case 'js frozen':
      return stack === 'tcp' ? undefined : 'the frozen packages are Noise and yamux only'
    case 'js':
      if (stack === 'webtransport') return 'js-libp2p has WebTransport in browsers only'
      return stack === 'webrtc-direct v2' ? 'js-libp2p 3.3.11 knows v1 only' : undefined
    case 'go':
      return stack === 'webrtc' ? 'go-libp2p has no private WebRTC' : undefined
    case 'rust':
      if (stack === 'webrtc' || stack === 'webtransport') return `rust-libp2p has ${stack} in browsers only`
      return stack === 'webrtc-direct v2' ? 'libp2p-webrtc 0.10.0-alpha knows v1 only' : undefined
  }
}

/** Rows of ours with everybody, in all roles. */
export function ownRows(stack: StackName): readonly Row[] {
  const others = peerNames.filter((name) => unsupported(name, stack) === undefined)
  return others.flatMap((name) => roles(stack, 'peerloom', name))
}

/** Rows of the others among each other, which tell what is broken without us. */
export function foreignRows(stack: StackName): readonly Row[] {
  const others = foreignNames.filter((name) => unsupported(name, stack) === undefined && name !== 'js frozen')
  const rows = others.flatMap((one, index) => others.slice(index + 1).flatMap((two) => roles(stack, one, two)))
  if (stack === 'quic-v1 quiche') return []
  // Private WebRTC is in js-libp2p only.
  return stack === 'webrtc' ? roles(stack, 'js', 'js') : rows
}

function roles(stack: StackName, one: PeerName, two: PeerName): readonly Row[] {
  const pairs =
    one === two
      ? [[one, two]]
      : [
          [one, two],
          [two, one]
        ]
  const rows = pairs.map(([dialler, listener]) => ({ stack, dialler, listener }) as Row)
  // Arranged over a relay of either.
  if (stack === 'webrtc') {
    return [...new Set([one, two])].flatMap((relay) => rows.map((row) => ({ ...row, relay })))
  }
  if (stack !== 'relay') return rows
  // Each as client, target and relay of the other.
  const relayed = rows.map(({ dialler, listener }) => {
    const relay = dialler === one ? listener : dialler
    return { stack, dialler, listener, relay }
  })
  return one === two ? relayed : [...relayed, { stack, dialler: two, listener: two, relay: one }]
}

export function rowTitle({ stack, dialler, listener, relay }: Row): string {
  return `${stack}: ${dialler} dials ${listener}${relay === undefined ? '' : ` through ${relay}`}`
}

/** The reason why a check is not asked of a pair, if there is one. */
export function gap(stack: StackName, check: CheckName, asks: PeerName, answers: PeerName): string | undefined {
  const known = gaps.find(
    ({ peer, stacks: in_, checks, side }) =>
      in_.includes(stack) &&
      checks.includes(check) &&
      ((peer === asks && side !== 'answers') || (peer === answers && side !== 'asks'))
  )
  return known?.reason
}

interface Load {
  readonly echoBytes: number
  readonly streams: number
  readonly streamBytes: number
  /** Why it is less than usual. */
  readonly reason?: string
}

/** How much a row sends: 10 MiB, and a hundred streams, except where two implementations do not stand it. */
export function load({ stack, dialler, listener }: Row): Load {
  const usual = { echoBytes: 10 << 20, streams: 100, streamBytes: 50_000 }
  const pair = [dialler, listener]
  if (stack === 'pnet' && pair.includes('js')) {
    const reason =
      '256 KiB instead of 10 MiB, because xsalsa20 1.2.0, which js-libp2p takes, grows its memory whenever two connections take turns and never ' +
      'gives it back, until it takes the process down'
    return { echoBytes: 256 << 10, streams: 10, streamBytes: 5000, reason }
  }
  if (pair.includes('js') && pair.includes('rust') && isNegotiated(stacks[stack]) && stacks[stack].muxer === 'yamux') {
    const reason =
      '256 KiB instead of 10 MiB, because js-libp2p sends yamux frames of more than the 1 MiB that rust-libp2p takes'
    return { ...usual, echoBytes: 256 << 10, reason }
  }
  return usual
}

/**
 * How often a dial and each check may be tried: the WebRTC of others fails now and then among themselves, and the engine that
 * we share with js-libp2p may swap messages of a stream that another opens. What needed another attempt is noted in the table.
 */
export function attempts({ stack, dialler, listener }: Row): number {
  if (!stack.startsWith('webrtc') || (dialler === 'peerloom' && listener === 'peerloom')) return 1
  return dialler === 'peerloom' || listener === 'peerloom' ? 2 : 3
}
