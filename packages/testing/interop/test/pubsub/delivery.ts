import type { ForeignPubsubOptions } from '@peerloom/interop'
import { expect } from 'vitest'
import { testBytes } from '../../src/test-bytes.ts'
import {
  acquainted,
  allAcquainted,
  allMeshed,
  chain,
  connect,
  count,
  digestOf,
  digests,
  meshed,
  patience,
  subscribeAll,
  type Cast,
  type Member
} from './network.ts'

const topic = 'interop'
const otherTopic = 'interop/other'
/** rust-libp2p's FloodSub takes no more than 2048 bytes. */
const sizes = { gossipsub: [1, 1024, 200 << 10], floodsub: [1, 1024, 200 << 10] } as const

/** No two of them are alike, so that their hashes are ids. */
function message(bytes: number, sender: number): Uint8Array {
  const data = testBytes(bytes)
  data[0] = sender
  return data
}

export function delivers(cast: Cast): Promise<void> {
  return deliversAlong(cast, {})
}

export function deliversUnsigned(cast: Cast): Promise<void> {
  return deliversAlong(cast, { unsigned: true, messageId: 'data' })
}

/** Over three hops, from everyone to everyone: each is at an end and in the middle. */
async function deliversAlong(
  { network, column, dialler, listener }: Cast,
  options: ForeignPubsubOptions
): Promise<void> {
  const members: Member[] = []
  for (const name of [dialler, listener, dialler, listener]) {
    members.push(await network.start(name, { ...options, router: column }))
  }
  await chain(members)
  await subscribeAll(topic, members)
  await (column === 'gossipsub' ? allMeshed(topic, members) : allAcquainted(topic, members))
  const sent = new Map<Member, readonly Uint8Array[]>()
  for (const [index, member] of members.entries()) {
    const own = sizes[column].map((bytes) => message(bytes, index))
    for (const data of own) await member.pubsub.publish(topic, data)
    sent.set(member, own)
  }
  for (const member of members) {
    const wanted = members.flatMap((other) => (other === member ? [] : (sent.get(other) ?? []))).map(digestOf)
    await expect.poll(async () => (await digests(member)).toSorted(), patience).toEqual(wanted.toSorted())
    for (const { digest, from, seqno, topic: on } of await member.pubsub.messages()) {
      const sender = members.find((other) => sent.get(other)?.some((data) => digestOf(data) === digest))
      expect(on).toBe(topic)
      expect(from).toBe(options.unsigned === true ? undefined : sender?.id)
      expect(seqno === undefined).toBe(options.unsigned === true)
    }
  }
}

export async function talksToFloodsub({ network, dialler, listener }: Cast): Promise<void> {
  const mesh = await network.start(dialler)
  const flood = await network.start(listener, { router: 'floodsub' })
  await connect(mesh, flood)
  await subscribeAll(topic, [mesh, flood])
  await acquainted(topic, mesh, flood)
  expect((await mesh.pubsub.traffic()).peers[flood.id]?.protocol).toBe('/floodsub/1.0.0')
  await deliversBothWays(mesh, flood, 1)
}

/**
 * Numbers of messages rise; with go-libp2p as the listener, its validator for that is on. One message at a time: the validator
 * judges those that come together in any order, and loses some of them, whoever they are from.
 */
export async function countsUp({ network, dialler, listener }: Cast): Promise<void> {
  const messages = 20
  const from = await network.start(dialler)
  const to = await network.start(listener, listener === 'go' ? { seqnoValidator: true } : {})
  await connect(from, to)
  await subscribeAll(topic, [from, to])
  await meshed(topic, from, to)
  for (let index = 0; index < messages; index++) {
    await from.pubsub.publish(topic, message(100, index))
    await expect.poll(async () => (await digests(to)).length, patience).toBe(index + 1)
  }
  const numbers = (await to.pubsub.messages()).map(({ seqno }) => seqno ?? 0n)
  expect(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0n))).toBe(true)
}

export async function unsubscribes({ network, column, dialler, listener }: Cast): Promise<void> {
  const leaves = await network.start(dialler, { router: column })
  const stays = await network.start(listener, { router: column })
  await connect(leaves, stays)
  await subscribeAll(topic, [leaves, stays])
  await subscribeAll(otherTopic, [leaves, stays])
  for (const one of [topic, otherTopic]) {
    await (column === 'gossipsub' ? meshed(one, leaves, stays) : acquainted(one, leaves, stays))
  }
  await leaves.pubsub.unsubscribe(topic)
  await expect.poll(() => stays.pubsub.peers(topic), patience).not.toContain(leaves.id)
  await expect.poll(() => stays.pubsub.mesh(topic), patience).not.toContain(leaves.id)
  await stays.pubsub.publish(topic, message(100, 1))
  await stays.pubsub.publish(otherTopic, message(100, 2))
  await expect.poll(() => digests(leaves), patience).toEqual([digestOf(message(100, 2))])
  expect(await count(leaves, 'received', 'publish', stays)).toBe(1)
}

export async function reconnects({ network, column, dialler, listener }: Cast): Promise<void> {
  const one = await network.start(dialler, { router: column })
  const two = await network.start(listener, { router: column })
  const ready = (): Promise<void> => (column === 'gossipsub' ? meshed(topic, one, two) : acquainted(topic, one, two))
  await connect(one, two)
  await subscribeAll(topic, [one, two])
  await ready()
  await one.peer.close(two.id)
  for (const [here, there] of [
    [one, two],
    [two, one]
  ] as const) {
    await expect.poll(() => here.peer.connections(there.id), patience).toHaveLength(0)
    await expect.poll(() => here.pubsub.peers(topic), patience).not.toContain(there.id)
  }
  await connect(one, two)
  await ready()
  await deliversBothWays(one, two, 1)
}

async function deliversBothWays(one: Member, two: Member, label: number): Promise<void> {
  await one.pubsub.publish(topic, message(100, label))
  await two.pubsub.publish(topic, message(200, label))
  await expect.poll(() => digests(two), patience).toContain(digestOf(message(100, label)))
  await expect.poll(() => digests(one), patience).toContain(digestOf(message(200, label)))
}
