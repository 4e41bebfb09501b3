import { testConnections, until } from '@peerloom/conformance'
import type { Stream } from '@peerloom/interface'
import { expect, onTestFinished, test } from 'vitest'
import { privateAddress, privateNode, relayNode } from './relay-nodes.ts'

async function meeting() {
  const relay = await relayNode()
  const listener = await privateNode(String(relay.multiaddrs()[0]))
  const address = await privateAddress(listener)
  const dialer = await privateNode()
  const stop = async (): Promise<void> => void (await Promise.all([dialer.stop(), listener.stop(), relay.stop()]))
  return { relay, listener, dialer, address, stop }
}

testConnections('WebRTC between private peers, arranged over a relay', async () => {
  const { listener, dialer, address, stop } = await meeting()
  const isWebRTC = ({ transport }: { readonly transport: string }): boolean => transport === 'webrtc'
  return {
    dialer,
    listener: {
      handle: listener.handle.bind(listener),
      // The relay, and what the peers have met over, are no part of it.
      connections: { list: () => listener.connections.list().filter(isWebRTC) }
    },
    connection: await dialer.dial(address),
    stop
  }
})

test('peers that have found their way lose nothing when the relay is gone', async () => {
  const { relay, listener, dialer, address, stop } = await meeting()
  onTestFinished(stop)
  let echoing: Stream | undefined
  await listener.handle('/echo/1', (stream) => {
    echoing = stream
    return stream.sink(stream)
  })
  const connection = await dialer.dial(address)
  expect(connection).toMatchObject({ transport: 'webrtc', security: '/dtls', limits: undefined })
  const stream = await connection.openStream('/echo/1')
  await stream.write(Uint8Array.of(1))
  await until('the stream is served', () => echoing !== undefined)
  await relay.stop()
  const over = ({ transport }: { readonly transport: string }): boolean => transport !== 'webrtc'
  await until('nothing else is left', () => !dialer.connections.list().some(over))
  // More than the relay would have carried.
  const sending = stream.write(new Uint8Array(1024 * 1024)).then(() => stream.closeWrite())
  let got = 0
  for await (const bytes of stream) got += bytes.length
  await sending
  expect(got).toBe(1024 * 1024 + 1)
  expect(connection.status).toBe('open')
})
