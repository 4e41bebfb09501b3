import { expect, test } from 'vitest'
import { encodeVarint } from '@peerloom/bounded'
import type { Channel } from '@peerloom/interface'
import {
  byteReader,
  channelPair,
  ChunkIterator,
  lengthPrefixed,
  LengthPrefixedDecoder,
  nextTurn,
  protobuf,
  toWeb
} from '@peerloom/streams'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
const iterate = (channel: Channel): AsyncIterable<Uint8Array> => new ChunkIterator(channel)

async function collect(channel: Channel): Promise<string> {
  let text = ''
  for await (const chunk of iterate(channel)) text += textOf(chunk)
  return text
}

test('bytes arrive in order, and the end behind them', async () => {
  const [a, b] = channelPair()
  a.send(bytesOf('one '))
  a.send(bytesOf('two'))
  await a.closeWrite()
  expect(await collect(b)).toBe('one two')
  expect(a.status).toBe('closing')
  b.send(bytesOf('back'))
  await b.closeWrite()
  expect(await collect(a)).toBe('back')
  expect([a.status, b.status]).toEqual(['closed', 'closed'])
})

test('a second iteration after the end ends at once', async () => {
  const [a, b] = channelPair()
  await a.close()
  expect(await collect(b)).toBe('')
  expect(await collect(b)).toBe('')
})

test('breaking out of an iteration leaves the rest for the next reader', async () => {
  const [a, b] = channelPair()
  a.send(bytesOf('one'))
  a.send(bytesOf('two'))
  await a.closeWrite()
  for await (const chunk of iterate(b)) {
    expect(textOf(chunk)).toBe('one')
    break
  }
  expect(await collect(b)).toBe('two')
})

test('a reader that takes nothing stops the sender', async () => {
  const [a, b] = channelPair()
  let accepted = 0
  const chunk = new Uint8Array(64 * 1024)
  const abort = new AbortController()
  const offering = (async () => {
    for (; accepted < 1024; accepted++) if (!a.send(chunk)) await a.drained(abort)
  })()
  const settled = await Promise.race([offering, new Promise((resolve) => setTimeout(resolve, 50, 'blocked'))])
  expect(settled).toBe('blocked')
  expect(accepted * chunk.length).toBeLessThan(2 * 1024 * 1024)
  abort.abort(new Error('enough'))
  await expect(offering).rejects.toThrow('enough')
  b.abort(new Error('done'))
})

test('drained waits anew each time', async () => {
  const [a, b] = channelPair()
  while (a.send(new Uint8Array(64 * 1024)));
  await a.drained() // what is under way to the other side
  for (let round = 0; round < 3; round++) {
    while (a.send(new Uint8Array(64 * 1024)));
    let drained = false
    const waiting = a.drained().then(() => (drained = true))
    await new Promise<void>((resolve) => nextTurn(resolve))
    expect(drained).toBe(false)
    const reader = iterate(b)[Symbol.asyncIterator]()
    while (!drained) await reader.next()
    await reader.return?.()
    await waiting
  }
})

test('a writer that ignores false is stopped at the bound, and loses nothing that was taken', async () => {
  const [a, b] = channelPair()
  let sent = 0
  expect(() => {
    for (;;) {
      a.send(new Uint8Array(64 * 1024))
      sent += 64 * 1024
    }
  }).toThrow(expect.objectContaining({ code: 'ERR_SEND_QUEUE_FULL' }))
  expect(sent).toBe(4 * 1024 * 1024)
  const ending = a.closeWrite()
  let got = 0
  for await (const chunk of iterate(b)) got += chunk.length
  await ending
  expect(got).toBe(sent)
})

test('an abort resets the remote and everybody who waits', async () => {
  const [a, b] = channelPair()
  while (a.send(new Uint8Array(64 * 1024)));
  const waits = [a.drained(), a.closeWrite(), iterate(a)[Symbol.asyncIterator]().next()]
  const failed = Promise.allSettled(waits)
  a.abort(new Error('enough'))
  for (const wait of await failed) expect(wait).toMatchObject({ status: 'rejected', reason: { message: 'enough' } })
  expect(a.status).toBe('reset')
  expect(() => a.send(new Uint8Array(1))).toThrow('enough')
  await expect(collect(b)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET', remote: true })
  await a.close()
})

test('a reader that throws resets its channel', async () => {
  const [a, b] = channelPair()
  b.attach({
    data: () => {
      throw new Error('cannot read this')
    },
    end: () => {},
    closed: () => {}
  })
  a.send(bytesOf('x'))
  await expect(collect(a)).rejects.toMatchObject({ code: 'ERR_CHANNEL_RESET' })
  expect(b.error?.message).toBe('cannot read this')
})

test('readers hand over in the middle of a chunk', async () => {
  const [a, b] = channelPair()
  a.send(bytesOf('head|body'))
  await a.closeWrite()
  let head = ''
  const body = await new Promise<string>((resolve) => {
    b.attach({
      data: (bytes) => {
        const text = textOf(bytes)
        head = text.slice(0, 5)
        b.unshift(bytesOf(text.slice(5)))
        resolve(collect(b))
      },
      end: () => {},
      closed: () => {}
    })
  })
  expect([head, body]).toEqual(['head|', 'body'])
})

test('close discards what nobody read and lets the remote finish', async () => {
  const [a, b] = channelPair()
  a.send(new Uint8Array(1000))
  await b.close()
  expect(await collect(a)).toBe('')
  for (let round = 0; round < 64; round++) if (!a.send(new Uint8Array(64 * 1024))) await a.drained()
  await a.close()
  await expect.poll(() => [a.status, b.status]).toEqual(['closed', 'closed'])
})

test('exact reads cross chunks and give the rest back', async () => {
  const [a, b] = channelPair()
  for (const text of ['a', 'bcd', 'efgh', 'ij']) a.send(bytesOf(text))
  await a.closeWrite()
  const reader = byteReader(b)
  expect(textOf(await reader.read(2))).toBe('ab')
  expect(textOf(await reader.read(5))).toBe('cdefg')
  reader.release()
  expect(await collect(b)).toBe('hij')
  await expect(byteReader(b).read(1)).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_END' })
})

test('length-prefixed messages survive every way of being cut', () => {
  const messages = ['', 'a', 'x'.repeat(127), 'y'.repeat(128), 'z'.repeat(20_000), ''].map(bytesOf)
  const wire = Uint8Array.from(messages.flatMap((message) => [...encodeVarint(message.length), ...message]))
  for (const step of [1, 2, 3, 127, 4096, wire.length]) {
    const got: Uint8Array[] = []
    const decoder = new LengthPrefixedDecoder()
    for (let at = 0; at < wire.length; at += step) {
      decoder.push(wire.subarray(at, at + step), (message) => got.push(message))
    }
    expect(got.map((message) => textOf(message))).toEqual(messages.map((message) => textOf(message)))
    expect(decoder.pendingBytes).toBe(0)
  }
})

test('a message over the bound fails before it is buffered', async () => {
  const [a, b] = channelPair()
  a.send(Uint8Array.of(0xff, 0xff, 0xff, 0x7f))
  await expect(lengthPrefixed(b, { maxBytes: 1000 }).read()).rejects.toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE' })
})

test('an end inside a message is told from one between messages', async () => {
  const [a, b] = channelPair()
  a.send(Uint8Array.of(1, 42, 5, 1))
  await a.closeWrite()
  const messages = lengthPrefixed(b)
  expect(await messages.read()).toEqual(Uint8Array.of(42))
  await expect(messages.read()).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_END' })
})

test('what follows the last message is given back as it came', async () => {
  const [a, b] = channelPair()
  const messages = lengthPrefixed(a)
  await messages.write(bytesOf('header'))
  a.send(bytesOf('raw bytes that would be a length'))
  await a.closeWrite()
  const framed = lengthPrefixed(b, { maxBytes: 16 })
  expect(textOf(await framed.read())).toBe('header')
  expect(await collect(framed.release())).toBe('raw bytes that would be a length')
})

test('typed messages and their hand-over', async () => {
  const [a, b] = channelPair()
  const codec = { encode: (text: string) => bytesOf(text), decode: (bytes: Uint8Array) => textOf(bytes) }
  const writer = protobuf(a, codec)
  await writer.write('one')
  await writer.write('two')
  await writer.write('x'.repeat(5000))
  writer.release().send(bytesOf('raw'))
  await a.closeWrite()
  const reader = protobuf(b, codec)
  expect(await reader.read()).toBe('one')
  expect(await protobuf(reader.release(), codec).read()).toBe('two')
})

test('a channel as a WHATWG pair carries bytes both ways', async () => {
  const [a, b] = channelPair()
  const one = toWeb(a)
  const two = toWeb(b)
  const echoing = two.readable.pipeTo(two.writable)
  const writer = one.writable.getWriter()
  await writer.write(bytesOf('there and back'))
  await writer.close()
  let text = ''
  for await (const chunk of one.readable as unknown as AsyncIterable<Uint8Array>) text += textOf(chunk)
  await echoing
  expect(text).toBe('there and back')
})
