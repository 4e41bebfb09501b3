import { expect } from 'vitest'
import { testBytes } from '../../src/test-bytes.ts'
import { acquainted, connect, count, digestOf, digests, meshed, patience, subscribeAll, type Cast } from './network.ts'

const topic = 'interop'
/** Longer than any row: nobody is grafted again. */
const farOffMs = 600_000

/**
 * A peer that left the topic and came back is in nobody's mesh until the backoff is over, so all it gets is what it asks
 * for after an IHAVE. The dialler has the messages, the listener is outside of the mesh.
 */
export async function recovers({ network, dialler, listener }: Cast): Promise<void> {
  const options = { unsubscribeBackoffMs: farOffMs, pruneBackoffMs: farOffMs }
  const source = await network.start(dialler, options)
  const holder = await network.start(dialler, options)
  const outsider = await network.start(listener, options)
  await connect(source, holder)
  await connect(holder, outsider)
  await subscribeAll(topic, [source, holder, outsider])
  await meshed(topic, source, holder)
  await meshed(topic, holder, outsider)
  await outsider.pubsub.unsubscribe(topic)
  await expect.poll(() => holder.pubsub.peers(topic), patience).not.toContain(outsider.id)
  await outsider.pubsub.subscribe(topic)
  await acquainted(topic, holder, outsider)

  const sent = [1, 1024, 100_000].map(testBytes)
  for (const data of sent) await source.pubsub.publish(topic, data)
  await expect.poll(async () => (await digests(outsider)).toSorted(), patience).toEqual(sent.map(digestOf).toSorted())
  expect(await outsider.pubsub.mesh(topic)).toEqual([])
  expect(await holder.pubsub.mesh(topic)).toEqual([source.id])
  expect(await count(outsider, 'received', 'ihave', holder)).toBeGreaterThanOrEqual(sent.length)
  expect(await count(outsider, 'sent', 'iwant', holder)).toBe(sent.length)
  expect(await count(holder, 'sent', 'publish', outsider)).toBe(sent.length)
}

/**
 * The dialler tells that it does not want a message which it is judging, the listener gets the same message from elsewhere and
 * keeps it to itself. The judgement is "invalid", so that the message cannot come from the dialler either.
 */
export async function holdsBack({ network, dialler, listener }: Cast): Promise<void> {
  const options = { unsigned: true, messageId: 'data', idontwantBytes: 512 } as const
  const judge = await network.start(dialler, { ...options, rejectPrefix: 'bad' })
  const holder = await network.start(listener, options)
  const first = await network.start(dialler, options)
  const second = await network.start(listener, options)
  const other = await network.start(listener, options)
  await connect(judge, holder)
  await connect(first, judge)
  await connect(second, holder)
  await connect(other, holder)
  await subscribeAll(topic, [judge, holder, first, second, other])
  await meshed(topic, judge, holder)
  await meshed(topic, judge, first)
  await meshed(topic, holder, second)
  await meshed(topic, holder, other)

  const data = testBytes(4096)
  data.set(new TextEncoder().encode('bad'))
  await first.pubsub.publish(topic, data)
  await expect.poll(() => count(holder, 'received', 'idontwant', judge), patience).toBe(1)
  expect(await count(judge, 'sent', 'idontwant', holder)).toBe(1)
  await second.pubsub.publish(topic, data)
  await expect.poll(() => digests(other), patience).toEqual([digestOf(data)])
  expect(await count(holder, 'sent', 'publish', judge)).toBe(0)

  const wanted = testBytes(4096)
  await second.pubsub.publish(topic, wanted)
  await expect.poll(() => digests(judge), patience).toEqual([digestOf(wanted)])
  expect(await count(holder, 'sent', 'publish', judge)).toBe(1)
}
