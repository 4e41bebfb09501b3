import { expect } from 'vitest'
import { connect, count, digestOf, digests, meshed, patience, subscribeAll, type Cast, type Member } from './network.ts'

const topic = 'interop'

/** The dialler leaves and comes back at once: nobody grafts before the backoff is over, and then somebody does. */
export async function honoursBackoff({ network, dialler, listener }: Cast): Promise<void> {
  const backoffSeconds = 3
  const options = { unsubscribeBackoffMs: backoffSeconds * 1000, pruneBackoffMs: backoffSeconds * 1000 }
  const leaves = await network.start(dialler, options)
  const stays = await network.start(listener, options)
  await connect(leaves, stays)
  await subscribeAll(topic, [leaves, stays])
  await meshed(topic, leaves, stays)

  const start = performance.now()
  await leaves.pubsub.unsubscribe(topic)
  await expect
    .poll(async () => (await stays.pubsub.traffic()).prunes, patience)
    .toEqual([{ peer: leaves.id, topic, direction: 'received', backoffSeconds, px: 0, records: 0 }])
  await leaves.pubsub.subscribe(topic)
  await meshed(topic, leaves, stays)
  expect(performance.now() - start).toBeGreaterThanOrEqual(backoffSeconds * 1000)
  // Whoever grafts too early is refused.
  expect(await count(stays, 'sent', 'prune', leaves)).toBe(0)
  expect(await count(leaves, 'sent', 'prune', stays)).toBe(1)
}

/** The listener has a small mesh and recommends peers to those that it has no room for, who then know each other. */
export async function exchangesPeers({ network, dialler, listener }: Cast): Promise<void> {
  const hub = await network.start(listener, { px: true, d: 2, dLow: 1, dHigh: 2 })
  const others: Member[] = []
  for (let index = 0; index < 4; index++) {
    const other = await network.start(dialler, { px: true })
    await connect(other, hub)
    await hub.peer.identify(other.id) // which brings the record that is passed on
    others.push(other)
  }
  await subscribeAll(topic, [hub, ...others])
  const recommended = async (): Promise<boolean> => {
    const traffic = await Promise.all(others.map(({ pubsub }) => pubsub.traffic()))
    return traffic.some(({ prunes }) =>
      prunes.some(({ direction, records }) => direction === 'received' && records > 0)
    )
  }
  await expect.poll(recommended, patience).toBe(true)
  const met = async (): Promise<boolean> => {
    const pairs = others.flatMap((one) =>
      others.filter((two) => two !== one).map((two) => one.peer.connections(two.id))
    )
    return (await Promise.all(pairs)).some((connections) => connections.length > 0)
  }
  await expect.poll(met, patience).toBe(true)
}

/** The dialler sends invalid messages: it leaves the mesh with the first, and is not listened to after some more. */
export async function prunesInvalid({ network, dialler, listener }: Cast): Promise<void> {
  const text = (words: string): Uint8Array => new TextEncoder().encode(words)
  const sender = await network.start(dialler, { floodPublish: true })
  const judge = await network.start(listener, { scoredTopic: topic, rejectPrefix: 'bad' })
  await connect(sender, judge)
  await subscribeAll(topic, [sender, judge])
  await meshed(topic, sender, judge)
  await sender.pubsub.publish(topic, text('good'))
  await expect.poll(() => digests(judge), patience).toEqual([digestOf(text('good'))])

  const score = async (): Promise<number> => (await judge.pubsub.traffic()).peers[sender.id]?.score ?? 0
  await sender.pubsub.publish(topic, text('bad 1'))
  await expect.poll(score, patience).toBeLessThan(0)
  await expect.poll(() => judge.pubsub.mesh(topic), patience).not.toContain(sender.id)
  await expect.poll(() => count(sender, 'received', 'prune', judge), patience).toBeGreaterThanOrEqual(1)
  await sender.pubsub.publish(topic, text('bad 2'))
  await sender.pubsub.publish(topic, text('bad 3'))
  await expect.poll(score, patience).toBeLessThan(-75)
  // js-libp2p looks at the score of a peer that it was content with once a second.
  let sent = 4
  const isHeard = async (): Promise<boolean> => {
    const data = text(`good ${++sent}`)
    await sender.pubsub.publish(topic, data)
    await expect.poll(() => count(judge, 'received', 'publish', sender), patience).toBe(sent)
    await sender.peer.ping(judge.id, 1)
    return (await digests(judge)).includes(digestOf(data))
  }
  await expect.poll(isHeard, patience).toBe(false)
}
