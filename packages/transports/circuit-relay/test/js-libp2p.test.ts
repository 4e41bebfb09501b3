import { circuitRelayServer as jsRelayServer, circuitRelayTransport as jsRelay } from '@libp2p/circuit-relay-v2'
import { identify as jsIdentify } from '@libp2p/identify'
import type { Stream as JsStream, StreamMessageEvent } from '@libp2p/interface'
import { noise as jsNoise } from '@libp2p/noise'
import { tcp as jsTcp } from '@libp2p/tcp'
import { yamux as jsYamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { until } from '@peerloom/conformance'
import type { Stream } from '@peerloom/interface'
import { byteReader } from '@peerloom/streams'
import { createLibp2p } from 'libp2p'
import { describe, expect, onTestFinished, test } from 'vitest'
import { clientNode, relayNode } from './nodes.ts'

const echoProtocol = '/echo/1'

/** As much of a node as the rows need, whoever made it. */
interface Peer {
  readonly id: string
  readonly addresses: () => string[]
  /** Whether the other side calls the connection a limited one, and what came back of the bytes that were sent. */
  echo(address: string, bytes: Uint8Array): Promise<{ readonly limited: boolean; readonly back: Uint8Array }>
}
type Make = (options: { readonly listen?: string; readonly relay?: { readonly limits: boolean } }) => Promise<Peer>

const ours: Make = async ({ listen, relay }) => {
  const node =
    relay === undefined
      ? await clientNode({}, { listen: listen === undefined ? [] : [listen] })
      : await relayNode({}, relay.limits ? {} : { limits: false })
  const serve = async (stream: Stream): Promise<void> => {
    for await (const bytes of stream) await stream.write(bytes.slice())
    await stream.close()
  }
  await node.handle(echoProtocol, serve, { allowLimited: true })
  return {
    id: node.peerId.toString(),
    addresses: () => node.multiaddrs().map(String),
    async echo(address, bytes) {
      const connection = await node.dial(address)
      const stream = await connection.openStream(echoProtocol, { allowLimited: true })
      const reader = byteReader(stream)
      const reading = reader.read(bytes.length)
      for (let from = 0; from < bytes.length; from += 16_384) await stream.write(bytes.slice(from, from + 16_384))
      const back = await reading
      await stream.close()
      return { limited: connection.limits !== undefined, back }
    }
  }
}

const theirs: Make = async ({ listen, relay }) => {
  const plenty = { maxInboundStreams: 1000, maxOutboundStreams: 1000 }
  const node = await createLibp2p({
    addresses: { listen: relay === undefined ? (listen === undefined ? [] : [listen]) : ['/ip4/127.0.0.1/tcp/0'] },
    transports: [jsTcp(), jsRelay()],
    connectionEncrypters: [jsNoise()],
    streamMuxers: [jsYamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false },
    services: {
      identify: jsIdentify(),
      ...(relay === undefined ? {} : { relay: jsRelayServer({ reservations: { applyDefaultLimit: relay.limits } }) })
    }
  })
  onTestFinished(async () => node.stop())
  const serve = (stream: JsStream): void => {
    stream.addEventListener('message', (event: StreamMessageEvent) => {
      if (!stream.send(event.data)) {
        stream.pause()
        void stream.onDrain().then(() => stream.resume())
      }
    })
    stream.addEventListener('remoteCloseWrite', () => void stream.close())
  }
  await node.handle(echoProtocol, serve, { ...plenty, runOnLimitedConnection: true })
  return {
    id: node.peerId.toString(),
    addresses: () => node.getMultiaddrs().map(String),
    async echo(address, bytes) {
      const connection = await node.dial(multiaddr(address))
      const stream = await connection.newStream(echoProtocol, { ...plenty, runOnLimitedConnection: true })
      const chunks: Uint8Array[] = []
      let have = 0
      const done = new Promise<void>((resolve, reject) => {
        stream.addEventListener('message', (event: StreamMessageEvent) => {
          chunks.push(event.data.subarray())
          have += event.data.byteLength
          if (have >= bytes.length) resolve()
        })
        stream.addEventListener('close', () => reject(new Error(`closed after ${have} bytes`)))
      })
      for (let from = 0; from < bytes.length; from += 16_384) {
        if (!stream.send(bytes.slice(from, from + 16_384))) await stream.onDrain()
      }
      await done
      await stream.close()
      return { limited: connection.limits !== undefined, back: Buffer.concat(chunks) }
    }
  }
}

const kinds = { us: ours, js: theirs }
type Kind = keyof typeof kinds
const rows: (readonly [Kind, Kind, Kind])[] = []
for (const source of ['us', 'js'] as const) {
  for (const relay of ['us', 'js'] as const) {
    for (const target of ['us', 'js'] as const) rows.push([source, relay, target])
  }
}

describe.each(rows.filter((row) => row.includes('us')))('%s through %s to %s', (source, relay, target) => {
  test.each([
    [true, 20_000],
    [false, 1024 * 1024]
  ])('with limits: %s, %i bytes come back', async (limits, size) => {
    const middle = await kinds[relay]({ relay: { limits } })
    const at = `${middle.addresses()[0]}/p2p-circuit`
    const far = await kinds[target]({ listen: at })
    await until('the target has an address at the relay', () =>
      far.addresses().some((one) => one.includes('/p2p-circuit'))
    )
    const near = await kinds[source]({})
    const sent = new Uint8Array(size).map((_, index) => (index ^ (index >> 8)) & 255)
    const { limited, back } = await near.echo(`${at}/p2p/${far.id}`, sent)
    expect(Buffer.compare(back, sent)).toBe(0)
    expect(limited).toBe(limits)
  })
})
