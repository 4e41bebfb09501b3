import { test } from 'vitest'
import type { Channel } from '@peerloom/interface'
import { handshake, muxers, party, turns } from './harness.ts'

test('handshakes', async ({ bench }) => {
  const [a, b] = [await party(), await party()]
  await bench('handshake, both sides', async () => {
    const { near } = await handshake(a, b, { initiator: { expected: b.id, muxers }, responder: { muxers } })
    near.channel.abort(new Error('next'))
  }).run({ time: 1000 })
})

test('bytes', async ({ bench }) => {
  const { near, far } = await handshake(await party(), await party())
  far.channel.attach({ data: () => {}, end: () => {}, closed: () => {}, transient: true })
  const send = async (channel: Channel, count: number, length: number): Promise<void> => {
    for (let sent = 0; sent < count; sent++) {
      if (!channel.send(new Uint8Array(length))) await channel.drained()
    }
    await turns(1)
  }
  await bench('1 MiB in pieces of 64 KiB, both sides', () => send(near.channel, 16, 65_536)).run({ time: 500 })
  await bench('1 MiB in pieces of 1 KiB, both sides', () => send(near.channel, 1024, 1024)).run({ time: 500 })
  await bench('one message of 100 bytes, both sides', () => send(near.channel, 1, 100)).run({ time: 500 })
})

test('a message on many connections', async ({ bench }) => {
  const pairs = await Promise.all(Array.from({ length: 500 }, async () => handshake(await party(), await party())))
  for (const { far } of pairs) far.channel.attach({ data: () => {}, end: () => {}, closed: () => {}, transient: true })
  await bench('100 bytes on each of 500 connections, both sides', async () => {
    for (const { near } of pairs) near.channel.send(new Uint8Array(100))
    await turns(1)
  }).run({ time: 500 })
})
