import { type Channel, type MuxedStream, type Muxer, type Scope, systemClock } from '@peerloom/interface'
import { channelPair, ChunkIterator } from '@peerloom/streams'
import { mplex } from '@peerloom/mplex'
import { expect, test } from 'vitest'

const scope: Scope = {
  name: 'page',
  usage: { connectionsInbound: 0, connectionsOutbound: 0, streamsInbound: 0, streamsOutbound: 0, memory: 0 },
  limits: {},
  reserve: () => true,
  release: () => {},
  child: () => scope,
  close: () => {}
}

function start(channel: Channel, role: 'initiator' | 'responder', onStream: (stream: MuxedStream) => void) {
  let over: (error?: Error) => void = () => {}
  const closed = new Promise<Error | undefined>((resolve) => (over = resolve))
  const muxer = mplex()({} as never).create(channel, {
    role,
    clock: systemClock,
    limits: scope,
    onStream,
    onClose: over
  })
  return { muxer, closed }
}

function pair(onStream: (stream: MuxedStream) => void): {
  near: Muxer
  far: Muxer
  closed: Promise<(Error | undefined)[]>
} {
  const [one, two] = channelPair()
  const near = start(one, 'initiator', () => {})
  const far = start(two, 'responder', onStream)
  return { near: near.muxer, far: far.muxer, closed: Promise.all([near.closed, far.closed]) }
}

/** Sends back what comes, and stops reading while the other side is behind. */
const echo = (stream: MuxedStream): void =>
  stream.attach({
    data: (bytes) => {
      if (!stream.send(bytes.slice())) stream.pause()
    },
    drain: () => stream.resume(),
    end: () => void stream.closeWrite().catch(() => {}),
    closed: () => {}
  })

test('streams of up to a megabyte come back in order, beside each other', async () => {
  const { near, far, closed } = pair(echo)
  await Promise.all(
    [1, 2, 3, 4].map(async (seed) => {
      const stream = await near.open()
      const size = 300_000 * seed
      const sending = (async () => {
        for (let at = 0; at < size; at += 50_000) {
          await stream.write(Uint8Array.from({ length: 50_000 }, (_, index) => (at + index) * seed))
        }
        await stream.closeWrite()
      })()
      let got = 0
      for await (const bytes of new ChunkIterator(stream)) {
        expect(bytes.every((byte, index) => byte === (((got + index) * seed) & 255))).toBe(true)
        got += bytes.length
      }
      await sending
      expect(got).toBe(size)
    })
  )
  expect([near.streamCount, far.streamCount]).toEqual([0, 0])
  await near.close()
  expect(await closed).toEqual([undefined, undefined])
})

test('a reset reaches the other side, and the stream beside it lives', async () => {
  const remote = new Map<string, MuxedStream>()
  const { near } = pair((stream) => {
    remote.set(stream.id, stream)
    echo(stream)
  })
  const [one, two] = [await near.open(), await near.open()]
  one.send(Uint8Array.of(1))
  two.send(Uint8Array.of(2))
  await two.closeWrite()
  const chunks: number[] = []
  for await (const bytes of new ChunkIterator(two)) chunks.push(...bytes)
  expect(chunks).toEqual([2])
  one.abort(new Error('enough'))
  await expect.poll(() => remote.get(one.id.replace('o', 'i'))?.status).toBe('reset')
  near.abort(new Error('over'))
})
