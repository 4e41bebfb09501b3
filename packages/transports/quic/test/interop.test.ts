import { quic as foreignQuic } from '@chainsafe/libp2p-quic'
import { multiaddr } from '@multiformats/multiaddr'
import { until } from '@peerloom/conformance'
import { identify } from '@peerloom/identify'
import { createNode } from '@peerloom/core'
import { ping } from '@peerloom/ping'
import { quic } from '@peerloom/quic'
import { identify as foreignIdentify } from '@libp2p/identify'
import type { Stream as ForeignStream } from '@libp2p/interface'
import { ping as foreignPing } from '@libp2p/ping'
import { createLibp2p } from 'libp2p'
import { describe, expect, onTestFinished, test } from 'vitest'

const listen = ['/ip4/127.0.0.1/udp/0/quic-v1']
const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7) & 0xff)

async function ours(engine: 'quinn' | 'quiche') {
  const node = await createNode({
    addresses: { listen },
    transports: [quic({ engine })],
    services: { ping: ping(), identify: identify() }
  })
  onTestFinished(() => node.stop())
  await node.handle('/echo/1', async (stream) => {
    for await (const chunk of stream) await stream.write(chunk.slice())
    await stream.close()
  })
  return node
}

async function theirs() {
  const node = await createLibp2p({
    addresses: { listen },
    transports: [foreignQuic()],
    services: { ping: foreignPing(), identify: foreignIdentify() }
  })
  onTestFinished(async () => node.stop())
  await node.handle('/echo/1', async (stream: ForeignStream) => {
    for await (const chunk of stream) if (!stream.send(chunk)) await stream.onDrain()
    await stream.close()
  })
  return node
}

describe.each(['quinn', 'quiche'] as const)('with %s', (engine) => {
  test('js-libp2p is dialled: peer id, ping, identify, an echo of 300 kB, a close', async () => {
    const [node, foreign] = await Promise.all([ours(engine), theirs()])
    const connection = await node.dial(foreign.getMultiaddrs().map(String)[0] as string)
    expect(connection.remotePeer.toString()).toBe(foreign.peerId.toString())
    expect(await node.services.ping.ping(connection)).toBeGreaterThan(0)
    expect((await node.services.identify.identify(connection)).protocols).toContain('/echo/1')
    const stream = await connection.openStream('/echo/1')
    const reading = (async () => {
      const chunks: Uint8Array[] = []
      for await (const chunk of stream) chunks.push(chunk.slice())
      return Buffer.concat(chunks)
    })()
    await stream.write(bytes.slice())
    await stream.closeWrite()
    expect(Buffer.compare(await reading, bytes)).toBe(0)
    await connection.close()
    await until('it has no connection left', () => foreign.getConnections().length === 0)
  })

  test('js-libp2p dials: peer id, ping, an echo of 300 kB, a close', async () => {
    const [node, foreign] = await Promise.all([ours(engine), theirs()])
    const connection = await foreign.dial(multiaddr(String(node.multiaddrs()[0])))
    expect(connection.remotePeer.toString()).toBe(node.peerId.toString())
    expect(await foreign.services.ping.ping(connection.remotePeer)).toBeGreaterThanOrEqual(0)
    const stream = await connection.newStream('/echo/1')
    let got = 0
    stream.addEventListener('message', (event) => {
      for (const byte of event.data.subarray()) if (byte === ((got++ * 7) & 0xff)) continue
    })
    if (!stream.send(bytes)) await stream.onDrain()
    await until('all came back', () => got === bytes.length)
    await stream.close()
    await connection.close()
    await until('we have no connection left', () => node.connections.list().length === 0)
  })

  test('js-libp2p refuses a wrong peer, and so do we', async () => {
    const [node, foreign, other] = await Promise.all([ours(engine), theirs(), ours(engine)])
    const wrong = (address: string): string => address.replace(/p2p\/.*/, `p2p/${other.peerId}`)
    await expect(node.dial(wrong(String(foreign.getMultiaddrs()[0])))).rejects.toMatchObject({
      attempts: [{ code: 'ERR_WRONG_PEER' }]
    })
    await expect(foreign.dial(multiaddr(wrong(String(node.multiaddrs()[0]))))).rejects.toThrow()
  })
})
