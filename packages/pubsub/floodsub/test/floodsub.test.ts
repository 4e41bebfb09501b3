import { until } from '@peerloom/conformance'
import type { PubSubMessage } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { connect, floodNode } from './nodes.ts'

const text = (message: PubSubMessage): string => new TextDecoder().decode(message.data)
const encode = (words: string): Uint8Array => new TextEncoder().encode(words)

test('a message goes to who subscribed, and over them to their peers', async () => {
  const [one, two, three] = await Promise.all([floodNode(), floodNode(), floodNode()])
  await connect(one, two)
  await connect(two, three)
  const heard: string[] = []
  two.services.pubsub.subscribe('news', (message) => heard.push(`two: ${text(message)}`))
  three.services.pubsub.subscribe('news', (message) => heard.push(`three: ${text(message)} by ${message.from}`))
  await until('one knows of two', () => one.services.pubsub.peers('news').length === 1)
  await until('two knows of three', () => two.services.pubsub.peers('news').length === 1)
  const { recipients } = await one.services.pubsub.publish('news', encode('hello'))
  expect(recipients.map(String)).toEqual([String(two.peerId)])
  await until('both have heard', () => heard.length === 2)
  expect(heard).toEqual(['two: hello', `three: hello by ${one.peerId}`])
})
