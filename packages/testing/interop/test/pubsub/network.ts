import type {
  ForeignPeer,
  ForeignPubsub,
  ForeignPubsubOptions,
  PartialUse,
  PubsubTraffic,
  RpcKind
} from '@peerloom/interop'
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { PeerName } from '../../src/matrix.ts'
import type { PubsubColumn } from '../../src/pubsub-matrix.ts'
import { startPeer } from '../../src/start-peer.ts'

export const patience = { timeout: 20_000, interval: 20 } as const
/** Quick, so that rows which wait for heartbeats are. */
export const heartbeatMs = 300

/** A peer of a row could not be had on this machine. */
export class Missing extends Error {}

/** Who plays: `dialler` dials, asks and sends where a check has roles, and `listener` listens and answers. */
export interface Cast {
  readonly network: Network
  readonly column: PubsubColumn
  readonly dialler: PeerName
  readonly listener: PeerName
}

/** One peer of a check. */
export interface Member {
  readonly name: PeerName
  readonly id: string
  readonly peer: ForeignPeer
  readonly pubsub: ForeignPubsub
}

/** Some peers over TCP that do pubsub, for one check. */
export class Network {
  readonly #members: Member[] = []

  async start(name: PeerName, options: ForeignPubsubOptions = {}): Promise<Member> {
    const peer = await startPeer(name, { stack: 'tcp', pubsub: { heartbeatMs, ...options } })
    if (peer === undefined) throw new Missing(name)
    const member = { name, id: peer.peerId, peer, pubsub: peer.pubsub }
    this.#members.push(member)
    return member
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ peer }) => peer.stop()))
  }
}

export async function connect(from: Member, to: Member): Promise<void> {
  await from.peer.dial(to.peer.addresses[0] ?? '')
  await expect.poll(() => to.peer.connections(from.id), patience).not.toHaveLength(0)
}

/** Connects each to the next: those with an even index dial. */
export async function chain(members: readonly Member[]): Promise<void> {
  for (const [index, member] of members.entries()) {
    const next = members[index + 1]
    if (next !== undefined) await (index % 2 === 0 ? connect(member, next) : connect(next, member))
  }
}

export async function subscribeAll(topic: string, members: readonly Member[], partial?: PartialUse): Promise<void> {
  for (const { pubsub } of members) await pubsub.subscribe(topic, partial === undefined ? {} : { partial })
}

/** Both know that the other is subscribed. */
export async function acquainted(topic: string, one: Member, two: Member): Promise<void> {
  await expect.poll(() => one.pubsub.peers(topic), patience).toContain(two.id)
  await expect.poll(() => two.pubsub.peers(topic), patience).toContain(one.id)
}

export async function allAcquainted(topic: string, members: readonly Member[]): Promise<void> {
  for (const [index, member] of members.entries()) {
    const next = members[index + 1]
    if (next !== undefined) await acquainted(topic, member, next)
  }
}

/** Both have the other in their mesh. */
export async function meshed(topic: string, one: Member, two: Member): Promise<void> {
  await expect.poll(() => one.pubsub.mesh(topic), patience).toContain(two.id)
  await expect.poll(() => two.pubsub.mesh(topic), patience).toContain(one.id)
}

export async function allMeshed(topic: string, members: readonly Member[]): Promise<void> {
  for (const [index, member] of members.entries()) {
    const next = members[index + 1]
    if (next !== undefined) await meshed(topic, member, next)
  }
}

export async function digests(member: Member): Promise<readonly string[]> {
  return (await member.pubsub.messages()).map(({ digest }) => digest)
}

/** How much of a kind `member` has sent to `to`, or got from it. */
export async function count(
  member: Member,
  direction: 'sent' | 'received',
  kind: RpcKind,
  other: Member
): Promise<number> {
  return countOf(await member.pubsub.traffic(), direction, kind, other)
}

function countOf(traffic: PubsubTraffic, direction: 'sent' | 'received', kind: RpcKind, { id }: Member): number {
  return traffic.peers[id]?.[direction][kind] ?? 0
}

export function digestOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
