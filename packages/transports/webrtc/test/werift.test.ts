import { createNode } from '@peerloom/core'
import { defineModule, type Stream, type Transport } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { webRTC, webRTCDirect } from '@peerloom/webrtc'
import { yamux } from '@peerloom/yamux'
import { expect, onTestFinished, test } from 'vitest'
import { DirectTransport } from '../src/direct.ts'
import { resolveDirectOptions } from '../src/direct-options.ts'
import { PrivateTransport } from '../src/private.ts'
import { resolvePrivateOptions } from '../src/private-options.ts'
import { weriftEngine } from './werift-engine.ts'

const kilobytes = 200
const anyRelay = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQ5pWnLtCuNfTZUjXi14rEdgJuFCrAzAZc6LsXVgQLj3o/p2p-circuit'

async function echoes(stream: Stream): Promise<void> {
  const sent = new Uint8Array(kilobytes * 1024).map((_, at) => at * 31)
  const sending = stream.write(sent.slice()).then(() => stream.closeWrite())
  let got = 0
  for await (const bytes of stream) {
    expect(bytes.every((byte, at) => byte === sent[got + at])).toBe(true)
    got += bytes.length
  }
  await sending
  expect(got).toBe(sent.length)
}

async function echo(stream: Stream): Promise<void> {
  for await (const bytes of stream) await stream.write(bytes)
  await stream.close()
}

test('a peer on werift dials a listener on node-datachannel by v2', async () => {
  const listener = await createNode({
    transports: [webRTCDirect()],
    connectionEncryption: [noise()],
    addresses: { listen: ['/ip4/127.0.0.1/udp/0/webrtc-direct'] }
  })
  onTestFinished(() => listener.stop())
  await listener.handle('/echo/1', echo)
  const direct = defineModule<Transport>({
    name: 'werift',
    create: (node) => new DirectTransport(node, weriftEngine('direct'), resolveDirectOptions({ versions: [2] }, [1, 2]))
  })
  const dialer = await createNode({ transports: [direct], connectionEncryption: [noise()] })
  onTestFinished(() => dialer.stop())
  const connection = await dialer.dial(listener.multiaddrs())
  expect(connection.remotePeer.toString()).toBe(listener.peerId.toString())
  await echoes(await connection.openStream('/echo/1'))
})

test.each(['dials', 'is dialled'])('a private peer on werift %s', async (role) => {
  const network = new MemoryNetwork()
  const werift = defineModule<Transport>({
    name: 'werift',
    create: (node) => new PrivateTransport(node, weriftEngine('private'), resolvePrivateOptions({}))
  })
  const nodeOf = async (transport: typeof werift) => {
    const node = await createNode({
      transports: [memory({ network }), transport],
      connectionEncryption: [noise()],
      streamMuxers: [yamux()],
      addresses: { listen: ['/memory/0', '/webrtc'] }
    })
    onTestFinished(() => node.stop())
    await node.handle('/echo/1', echo)
    return node
  }
  const [ours, theirs] = [await nodeOf(webRTC()), await nodeOf(werift)]
  const [dialer, listener] = role === 'dials' ? [theirs, ours] : [ours, theirs]
  await dialer.dial(listener.multiaddrs())
  const connection = await dialer.dial(`${anyRelay}/webrtc/p2p/${listener.peerId}`, { force: true })
  expect(connection.transport).toBe('webrtc')
  await echoes(await connection.openStream('/echo/1'))
})
