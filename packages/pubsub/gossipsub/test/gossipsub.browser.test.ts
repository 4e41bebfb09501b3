import { nodePeer, until } from '@peerloom/conformance/browser'
import { createNode } from '@peerloom/core'
import { gossipsub } from '@peerloom/gossipsub'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'
import { expect, onTestFinished, test } from 'vitest'

test('a page publishes, hears and verifies over WebSocket', async () => {
  const { told } = await nodePeer<{ addresses: string[] }>('./listening-peer.ts')
  const node = await createNode({
    transports: [webSockets()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), pubsub: gossipsub() }
  })
  onTestFinished(() => node.stop())
  const { pubsub } = node.services
  const heard: string[] = []
  pubsub.subscribe('echoes', ({ data, receivedFrom, from }) => {
    expect(String(from)).toBe(String(receivedFrom))
    heard.push(new TextDecoder().decode(data))
  })
  await node.dial(told.addresses[0]!)
  await until('the peer listens', () => pubsub.peers('words').length === 1)
  const words = Array.from({ length: 50 }, (_, at) => `word ${at}`)
  await Promise.all(words.map((word) => pubsub.publish('words', new TextEncoder().encode(word))))
  await until('all came back', () => heard.length === words.length)
  // Signatures are verified in parallel here, so that echoes may overtake each other on the way back.
  expect(heard.toSorted()).toEqual(words.toSorted())
})
