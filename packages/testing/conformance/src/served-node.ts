import type { Connection, HandleOptions, StreamHandler } from '@peerloom/interface'
import { servePeer } from './node-peer.ts'

/** As much of a node as is served. */
export interface ServedNode {
  readonly peerId: { toString(): string }
  multiaddrs(): readonly { toString(): string }[]
  readonly connections: { list(): readonly Connection[] }
  handle(protocol: string, handler: StreamHandler, options?: HandleOptions): Promise<void>
  stop(): Promise<void>
}

/** What the test is told of a served node. */
export interface ServedTold {
  readonly addresses: string[]
  readonly peer: string
}

/**
 * `servePeer` for a node that pages dial: the other side of `testPage`. Serves `/echo`, `/hold` (counts what it is sent) and
 * `/deaf` (reads nothing); `questions` come on top.
 */
export async function serveNode(
  node: ServedNode,
  // oxlint-disable-next-line typescript/no-explicit-any -- arguments are what the test gives
  questions: Readonly<Record<string, (...args: any[]) => unknown>> = {}
): Promise<void> {
  const { connections } = node
  let held = 0
  await node.handle('/echo', (stream) => stream.sink(stream), { allowLimited: true })
  await node.handle('/hold', (stream) =>
    stream.attach({ transient: true, data: (bytes) => void (held += bytes.length), end() {}, closed() {} })
  )
  await node.handle('/deaf', (stream) => stream.pause())
  const told: ServedTold = { addresses: node.multiaddrs().map(String), peer: String(node.peerId) }
  servePeer(
    told,
    {
      connections: () => connections.list().length,
      held: () => held,
      abort: () => {
        for (const connection of connections.list()) connection.abort(new Error('enough'))
      },
      /** Opens a stream on the last connection, and counts what its reader echoes. */
      roundTrip: async (bytes: number) => {
        const stream = await connections.list().at(-1)?.openStream('/echo')
        if (stream === undefined) return 0
        const sending = stream.write(new Uint8Array(bytes)).then(() => stream.closeWrite())
        let got = 0
        for await (const chunk of stream.transient) got += chunk.length
        await sending
        return got
      },
      ...questions
    },
    () => node.stop()
  )
}
