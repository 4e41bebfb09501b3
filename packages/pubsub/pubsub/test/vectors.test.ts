import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import {
  Authors,
  binaryBytes,
  encodeRpc,
  messageIdRule,
  type Rpc,
  rpcBytes,
  verifyMessage,
  type WireMessage
} from '@peerloom/pubsub'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decoder } from './readers.ts'

interface Session {
  readonly keyType: string
  readonly peerId: string
  readonly topic: string
  readonly data: readonly string[]
  readonly frames: readonly string[]
}

const { source, sessions } = JSON.parse(
  readFileSync(new URL('fixtures/js-libp2p-rpcs.json', import.meta.url), 'utf8')
) as { source: string; sessions: Session[] }
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
const self = peerIdFromPrivateKey(await generateKey())

test.each(sessions)(
  `what ${source} sends with an $keyType key is read whole`,
  async ({ peerId, topic, data, frames }) => {
    const rpcs = frames.map((frame) => decoder().decode(bytesOf(frame)))
    expect(rpcs.flatMap((rpc) => rpc.subscriptions ?? [])).toEqual([
      { topic, subscribe: true },
      { topic, subscribe: false }
    ])
    expect(rpcs.some((rpc) => rpc.control?.graft?.includes(topic) === true)).toBe(true)
    const messages = rpcs.flatMap((rpc) => rpc.publish ?? [])
    expect(messages.map((message) => message.data)).toEqual(data.map(bytesOf))
    const authors = new Authors()
    for (const message of messages) {
      expect(message.author).toBe(peerId)
      expect(await verifyMessage(message, 'StrictSign', authors, self)).toBe('accept')
    }
    // Its ids are those of the rule that is named after it.
    const advertised = rpcs.flatMap((rpc) => rpc.control?.ihave ?? []).flatMap(({ ids }) => ids)
    const rule = messageIdRule('js')
    expect(new Set(advertised)).toEqual(new Set(messages.map((message) => rule(message))))
    expect(binaryBytes(advertised[0]!).length).toBeGreaterThan(40)
  }
)

test.each(sessions)('what was read of an $keyType session is written in no more bytes', ({ frames }) => {
  for (const frame of frames) {
    const rpc: Rpc<WireMessage> = decoder().decode(bytesOf(frame))
    const written = encodeRpc(rpc)
    expect(written.length).toBe(rpcBytes(rpc))
    expect(written.length).toBeLessThanOrEqual(bytesOf(frame).length)
    for (const message of rpc.publish ?? [])
      expect(Buffer.from(written).includes(Buffer.from(message.field))).toBe(true)
  }
})
