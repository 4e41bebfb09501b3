import { lengthPrefix } from '@peerloom/bounded'
import { createNode } from '@peerloom/core'
import { identify, type IdentifyOptions } from '@peerloom/identify'
import type { Clock, Connection, Stream } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { yamux } from '@peerloom/yamux'
import { onTestFinished } from 'vitest'

export const identifyProtocol = '/ipfs/id/1.0.0'
export const pushProtocol = '/ipfs/id/push/1.0.0'

const network = new MemoryNetwork()

export async function identifyNode(options: IdentifyOptions = {}, clock?: Clock) {
  const node = await createNode({
    addresses: { listen: ['/memory/0'] },
    transports: [memory({ network })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux({ keepAliveMs: 0 })],
    services: { identify: identify(options) },
    ...(clock === undefined ? {} : { clock })
  })
  onTestFinished(() => node.stop())
  return node
}
export type IdentifyNode = Awaited<ReturnType<typeof identifyNode>>

/** A node without identify, that answers the question its own way. */
export async function liar(answer: (stream: Stream) => unknown) {
  const node = await createNode({
    addresses: { listen: ['/memory/0'] },
    transports: [memory({ network })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux({ keepAliveMs: 0 })]
  })
  onTestFinished(() => node.stop())
  await node.handle(identifyProtocol, (stream) => void answer(stream))
  return node
}

/** Sends messages, each with its length before it, and ends. */
export const say =
  (...messages: readonly Uint8Array[]) =>
  (stream: Stream): Promise<void> =>
    stream.sink(messages.map((message) => lengthPrefix(message))).catch(() => {})

/** The connection as one that was made another way. */
export const seenAs = (connection: Connection, differences: Partial<Connection>): Connection => ({
  ...({} as Connection),
  id: connection.id,
  remotePeer: connection.remotePeer,
  remoteKey: connection.remoteKey,
  remoteAddress: connection.remoteAddress,
  status: 'open',
  openStream: (...parameters) => connection.openStream(...parameters),
  ...differences
})
