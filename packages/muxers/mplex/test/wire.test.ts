import { expect, test } from 'vitest'
import { type MuxedStream } from '@peerloom/interface'
import {
  closeInitiator,
  closeReceiver,
  frame,
  messageInitiator,
  messageReceiver,
  newStream,
  resetInitiator,
  resetReceiver,
  startRaw,
  startPair,
  turns
} from './harness.ts'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

test('both roles say what the specification shows, byte for byte', async () => {
  const { side, raw, sent } = startRaw('initiator')
  const stream = await side.muxer.open()
  stream.send(ascii('hello'))
  await stream.closeWrite()
  await turns()
  // NewStream 1 without a name, MessageInitiator 1 "hello", CloseInitiator 1.
  expect(sent()).toBe('0800' + '0a0568656c6c6f' + '0c00')

  const answering = startRaw('responder', {}, undefined, (inbound) => {
    inbound.send(ascii('hi'))
    void inbound.closeWrite()
  })
  answering.raw.send(Uint8Array.of(0x88, 0x01, 0x02, 0x31, 0x37)) // NewStream 17 named "17"
  await turns()
  // MessageReceiver 17 "hi", CloseReceiver 17.
  expect(answering.sent()).toBe('8901026869' + '8b0100')
  const own = await answering.side.muxer.open()
  own.abort(new Error('never mind'))
  const other = await answering.side.muxer.open()
  await turns()
  other.abort(new Error('enough'))
  await turns()
  // Stream 2 was never told of; NewStream 4, ResetInitiator 4.
  expect(answering.sent()).toBe('8901026869' + '8b0100' + '2000' + '2600')
  raw.abort(new Error('done'))
})

test('frames may be split and joined anywhere', async () => {
  const { side, raw } = startRaw('responder')
  const all = Buffer.concat([
    frame(newStream, 0, ascii('a name')),
    frame(
      messageInitiator,
      0,
      Uint8Array.from({ length: 300 }, (_, at) => at & 255)
    ),
    frame(newStream, 2 ** 49, ascii('')),
    frame(messageInitiator, 2 ** 49, ascii('far')),
    frame(closeInitiator, 0)
  ])
  for (let at = 0; at < all.length; at++) {
    raw.send(all.subarray(at, at + 1))
    if (at % 50 === 0) await turns(1)
  }
  await turns(20)
  const got = new Map(side.streams.map((stream) => [stream.id, gather(stream)]))
  expect([...got.keys()]).toEqual(['i0', `i${2 ** 49}`])
  expect(got.get('i0')).toEqual(Array.from({ length: 300 }, (_, at) => at & 255))
  expect(got.get(`i${2 ** 49}`)).toEqual([...ascii('far')])
  expect(side.streams.map(({ status }) => status)).toEqual(['closing', 'open'])
})

test('both sides use one id at the same time, and neither disturbs the other', async () => {
  const { side, raw, frames } = startRaw('initiator')
  const own = await side.muxer.open()
  own.send(ascii('mine'))
  raw.send(frame(newStream, 1))
  raw.send(frame(messageInitiator, 1, ascii('theirs')))
  await turns()
  const theirs = side.streams[0] as MuxedStream
  theirs.send(ascii('answer'))
  raw.send(frame(messageReceiver, 1, ascii('answer to mine')))
  raw.send(frame(closeReceiver, 1))
  await turns()
  expect([Buffer.from(gather(own)).toString(), Buffer.from(gather(theirs)).toString()]).toEqual([
    'answer to mine',
    'theirs'
  ])
  expect([own.id, theirs.id]).toEqual(['o1', 'i1'])
  raw.send(frame(resetInitiator, 1))
  await turns()
  expect([own.status, theirs.status]).toEqual(['closing', 'reset'])
  own.abort(new Error('enough'))
  await turns()
  expect(frames().map(({ flag, id }) => [flag, id])).toEqual([
    [newStream, 1],
    [messageInitiator, 1],
    [messageReceiver, 1],
    [resetInitiator, 1]
  ])
})

test('a reset by the side that was asked says so', async () => {
  const { side, raw, frames } = startRaw('responder')
  raw.send(frame(newStream, 5))
  await turns()
  side.streams[0]?.abort(new Error('no'))
  await turns()
  expect(frames()).toMatchObject([{ flag: resetReceiver, id: 5 }])
})

test('many small messages of a turn are one frame, and the end follows at once', async () => {
  const { side, frames } = startRaw('initiator')
  const stream = await side.muxer.open()
  for (let at = 0; at < 100; at++) stream.send(new Uint8Array(100))
  await stream.closeWrite()
  await turns()
  expect(frames().map(({ flag, body }) => [flag, body.length])).toEqual([
    [newStream, 0],
    [messageInitiator, 10_000],
    [closeInitiator, 0]
  ])
})

test('several streams share the line in slices', async () => {
  const { side, frames } = startRaw('initiator')
  const streams = await Promise.all(Array.from({ length: 3 }, () => side.muxer.open()))
  for (const stream of streams) stream.send(new Uint8Array(50_000))
  await turns(20)
  const messages = frames().filter(({ flag }) => flag === messageInitiator)
  expect(messages.map(({ id }) => id)).toEqual([1, 3, 5, 1, 3, 5, 1, 3, 5, 1, 3, 5])
})

test('with its header a full frame fills a Noise record', async () => {
  const { side, sent } = startRaw('initiator')
  const stream = await side.muxer.open()
  await turns()
  const before = sent().length / 2
  stream.send(new Uint8Array(70_000))
  expect(70_000 - stream.queuedBytes).toBe(65_519 - 4)
  await turns()
  // One byte of header each; three and two of length.
  expect(sent().length / 2 - before).toBe(70_000 + 4 + 3)
})

test('random traffic of many streams arrives in order, from both ends', async () => {
  const { a, b } = startPair()
  const sent = new Map<string, number>()
  const received = new Map<string, number>()
  const watch = (name: string, stream: MuxedStream): void =>
    stream.attach({
      data: (bytes) => {
        let at = received.get(name) ?? 0
        for (const byte of bytes) if (byte !== (at++ & 255)) throw new Error(`${name} at ${at}`)
        received.set(name, at)
      },
      end: () => {},
      closed: () => {}
    })
  for (let round = 0; round < 200; round++) {
    const [from, to] = round % 2 === 0 ? [a, b] : [b, a]
    const stream = await from.muxer.open()
    await turns(2)
    const remote = to.streams.at(-1) as MuxedStream
    const name = `${round}`
    watch(name, remote)
    let at = 0
    for (const length of [1, 70_000, 3, 16_385]) {
      stream.send(Uint8Array.from({ length }, () => at++ & 255))
      if (length === 3) await turns(1)
    }
    sent.set(name, at)
    await stream.closeWrite()
    await remote.closeWrite()
  }
  await turns(20)
  expect(received).toEqual(sent)
  expect([a.muxer.streamCount, b.muxer.streamCount]).toEqual([0, 0])
})

function gather(stream: MuxedStream): number[] {
  const bytes: number[] = []
  stream.attach({ data: (chunk) => void bytes.push(...chunk), end: () => {}, closed: () => {} })
  return bytes
}
