import { createNode } from '@peerloom/core'
import { memory, MemoryNetwork } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { yamux } from '@peerloom/yamux'
import { expect, test } from 'vitest'

const network = new MemoryNetwork()
const make = () =>
  createNode({
    addresses: { listen: ['/memory/0'] },
    transports: [memory({ network })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()]
  })

test('two nodes in one page dial, encrypt, multiplex and echo', async () => {
  const [one, two] = [await make(), await make()]
  await two.handle('/echo/1.0.0', async (stream) => {
    for await (const bytes of stream) await stream.write(bytes)
    await stream.close()
  })
  const connection = await one.dial(two.multiaddrs())
  expect(connection).toMatchObject({ security: '/noise', muxer: '/yamux/1.0.0', earlyMuxer: true })
  const streams = await Promise.all(Array.from({ length: 10 }, () => connection.openStream('/echo/1.0.0')))
  await Promise.all(
    streams.map(async (stream, at) => {
      const sent = new Uint8Array(100_000).fill(at)
      const sending = stream.write(sent).then(() => stream.closeWrite())
      let got = 0
      for await (const bytes of stream) {
        expect(bytes.every((byte) => byte === at)).toBe(true)
        got += bytes.length
      }
      await sending
      expect(got).toBe(sent.length)
    })
  )
  await one.stop()
  await two.stop()
  expect(two.inspect().counts).toMatchObject({ connections: 0, inboundStreams: 0 })
})

test('a browser that is asked for DNS says what to do', async () => {
  const node = await make()
  await expect(node.dial('/dns4/example.invalid/tcp/1')).rejects.toMatchObject({ code: 'ERR_DIAL', message: /dns/ })
  await node.stop()
})
