import type { MessageParts } from '@peerloom/interop'
import { expect } from 'vitest'
import { testBytes } from '../../src/test-bytes.ts'
import { connect, count, meshed, patience, subscribeAll, type Cast, type Member } from './network.ts'

const topic = 'interop'

/** GossipSub 1.3: what a peer can do is in the first RPC of its stream, and in no other. */
export async function greets({ network, dialler, listener }: Cast): Promise<void> {
  const has13 = dialler !== 'js' && listener !== 'js'
  const one = await network.start(dialler, dialler === 'js' ? {} : { partial: true })
  const two = await network.start(listener, listener === 'js' ? {} : { partial: true })
  await connect(one, two)
  await subscribeAll(topic, [one, two])
  await meshed(topic, one, two)
  for (const [here, there] of [
    [one, two],
    [two, one]
  ] as const) {
    const seen = (await here.pubsub.traffic()).peers[there.id]
    expect(seen?.protocol).toBe(has13 ? '/meshsub/1.3.0' : '/meshsub/1.2.0')
    // rust-libp2p tells peers of 1.2 as well.
    const tells = has13 || there.name === 'rust'
    expect(seen?.extensions).toEqual(tells ? ['partialMessages'] : [])
    expect(seen?.received.extensions ?? 0).toBe(tells ? 1 : 0)
  }
}

/** Each has the half of a message that the other lacks. */
export async function completesParts({ network, dialler, listener }: Cast): Promise<void> {
  const one = await network.start(dialler, { partial: true })
  const two = await network.start(listener, { partial: true })
  await connect(one, two)
  await subscribeAll(topic, [one, two], 'requests')
  await meshed(topic, one, two)
  const group = testBytes(32)
  const whole = Array.from({ length: 8 }, (_, index) => testBytes(1000 + index))
  const half = (keep: (index: number) => boolean): MessageParts =>
    whole.map((part, index) => (keep(index) ? part : undefined))
  // rust-libp2p refuses while it does not know yet that the other takes parts, which may come after the subscription.
  const publish = async (member: Member, parts: MessageParts): Promise<void> => {
    const outcome = (): Promise<string> =>
      member.pubsub.publishParts(topic, group, parts).then(() => 'published', String)
    await expect.poll(outcome, patience).toBe('published')
  }
  const [first, second] = [half((index) => index < 4), half((index) => index >= 4)]
  await publish(one, first)
  await publish(two, second)
  for (const member of [one, two]) {
    await expect
      .poll(async () => (await member.pubsub.parts(topic, group)).map(sizeOf), patience)
      .toEqual(whole.map(sizeOf))
    expect((await member.pubsub.parts(topic, group)).map((part) => Buffer.from(part ?? []))).toEqual(
      whole.map((part) => Buffer.from(part))
    )
  }
  expect(await count(one, 'received', 'partial', two)).toBeGreaterThanOrEqual(1)
  expect(await count(two, 'received', 'partial', one)).toBeGreaterThanOrEqual(1)
}

function sizeOf(part: Uint8Array | undefined): number {
  return part?.length ?? 0
}
