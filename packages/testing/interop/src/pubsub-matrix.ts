import type { PeerName } from './matrix.ts'

/** Columns of the matrix that are about pubsub, over TCP, Noise and yamux. */
export type PubsubColumn = 'floodsub' | 'gossipsub'

export type PubsubCheckName =
  | 'delivers'
  | 'delivers unsigned'
  | 'talks to floodsub'
  | 'recovers by gossip'
  | 'holds back what is not wanted'
  | 'honours the backoff of a prune'
  | 'exchanges peers'
  | 'greets with extensions'
  | 'completes parts'
  | 'prunes who sends invalid messages'
  | 'counts up'
  | 'unsubscribes'
  | 'reconnects'

export interface PubsubRow {
  readonly stack: PubsubColumn
  readonly dialler: PeerName
  readonly listener: PeerName
}

interface Gap {
  readonly peer: PeerName
  readonly columns: readonly PubsubColumn[]
  readonly checks: readonly PubsubCheckName[]
  /** Which one of a row: who dials, asks and sends, or who listens and answers. Default: both. */
  readonly role?: 'dialler' | 'listener'
  readonly reason: string
}

export const pubsubColumns: readonly PubsubColumn[] = ['floodsub', 'gossipsub']
const names: readonly PeerName[] = ['peerloom', 'js', 'go', 'rust']

const rustFloodsub =
  'libp2p-floodsub 0.48.0 reads one RPC of a stream, where others go on, and signs nothing but says who it is from'

const gaps: readonly Gap[] = [
  {
    peer: 'js',
    columns: ['floodsub'],
    checks: ['delivers unsigned'],
    reason: '@libp2p/floodsub 11.0.28 drops messages without an author'
  },
  {
    peer: 'js',
    columns: ['gossipsub'],
    checks: ['completes parts'],
    reason: '@libp2p/gossipsub 17.1.1 knows 1.2, without partial messages'
  },
  {
    peer: 'rust',
    columns: ['gossipsub'],
    checks: ['exchanges peers'],
    reason: 'libp2p-gossipsub 0.50.1 neither sends nor reads signed records in peer exchange'
  },
  {
    peer: 'rust',
    columns: ['gossipsub'],
    checks: ['talks to floodsub'],
    role: 'dialler',
    reason: 'libp2p-gossipsub 0.50.1 speaks FloodSub only when told to, which our Rust peer does not do'
  },
  {
    peer: 'rust',
    columns: ['gossipsub'],
    checks: ['talks to floodsub'],
    role: 'listener',
    reason: rustFloodsub
  }
]

export function pubsubGap(check: PubsubCheckName, { stack, dialler, listener }: PubsubRow): string | undefined {
  return gaps.find(
    ({ peer, columns, checks, role }) =>
      columns.includes(stack) &&
      checks.includes(check) &&
      ((peer === dialler && role !== 'listener') || (peer === listener && role !== 'dialler'))
  )?.reason
}

/** Why a peer is in no row of a column. */
export function pubsubUnsupported(peer: PeerName, column: PubsubColumn): string | undefined {
  if (peer !== 'rust' || column !== 'floodsub') return undefined
  return rustFloodsub
}

/** Rows of ours with everybody. */
export function ownPubsubRows(stack: PubsubColumn): readonly PubsubRow[] {
  return able(stack).flatMap((name) => roles(stack, 'peerloom', name))
}

/** Rows of the others among each other, which tell what is broken without us, and that the checks can be passed. */
export function foreignPubsubRows(stack: PubsubColumn): readonly PubsubRow[] {
  const others = able(stack).filter((name) => name !== 'peerloom')
  return others.flatMap((one, index) => others.slice(index + 1).flatMap((two) => roles(stack, one, two)))
}

function able(column: PubsubColumn): readonly PeerName[] {
  return names.filter((name) => pubsubUnsupported(name, column) === undefined)
}

function roles(stack: PubsubColumn, one: PeerName, two: PeerName): readonly PubsubRow[] {
  const rows = [
    { stack, dialler: one, listener: two },
    { stack, dialler: two, listener: one }
  ]
  return one === two ? rows.slice(0, 1) : rows
}
