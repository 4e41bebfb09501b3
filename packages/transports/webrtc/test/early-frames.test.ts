import { settle, until } from '@peerloom/conformance'
import { describe, expect, test } from 'vitest'
import { decodeFrame, flag, flagFrame, maxSentBytes, writeDataHeader } from '../src/frame.ts'
import { creditProtocol } from '../src/muxer.ts'
import { attacked, type AttackedStream } from './attacked.ts'

/** A message of so many bytes that all say `mark`. */
function data(mark: number, length: number, position = 0): Uint8Array {
  const bytes = new Uint8Array(maxSentBytes)
  const at = writeDataHeader(bytes, length, position)
  return bytes.fill(mark, at, at + length).subarray(0, at + length)
}

function readerOf({ stream }: AttackedStream): number[] {
  const got: number[] = []
  stream.attach({ data: (bytes) => got.push(...bytes), end: () => got.push(-1), closed() {} })
  return got
}

describe('messages that were swapped on their way', () => {
  test('are put in order by where they say that they stand, the end as well', async () => {
    const { open } = attacked()
    const opened = await open()
    const got = readerOf(opened)
    opened.channel.send(flagFrame(flag.fin, 5))
    opened.channel.send(data(3, 2, 3))
    opened.channel.send(data(2, 1, 2))
    opened.channel.send(data(1, 2))
    await until('all is there', () => got.includes(-1))
    expect(got).toEqual([1, 1, 2, 3, 3, -1])
  })

  test('that never get their turn, or have had it, cost the remote its stream', async () => {
    const { open, muxer } = attacked()
    const behind = [data(1, 2), data(2, 1, 1)]
    const twice = [data(1, 2, 7), data(1, 2, 7)]
    const tooMany = Array.from({ length: 4097 }, (_, at) => data(1, 1, 10 + at))
    const tooMuch = Array.from({ length: 600 }, (_, at) => data(1, 16_000, 1 + at * 16_384))
    for (const messages of [behind, twice, tooMany, tooMuch]) {
      const { channel, stream } = await open()
      for (const message of messages) channel.send(message)
      await until('it is reset', () => stream.status === 'reset')
      expect(stream.error).toMatchObject({ code: 'ERR_PROTOCOL_VIOLATION', remote: true })
    }
    expect(muxer.streamCount).toBe(0)
  })

  test('we say where ours stand until the remote has said something, and never are they too long', async () => {
    const { far, muxer, open } = attacked()
    // Which shows that it knows positions.
    await open(creditProtocol)
    const stream = await muxer.open()
    await until('it is there', () => far.channels.size > 1)
    const channel = [...far.channels].at(-1)
    const received: Uint8Array[] = []
    channel?.attach({ onOpen() {}, onLow() {}, onClosed() {}, onMessage: (bytes) => received.push(bytes) })
    stream.send(new Uint8Array(10_000))
    await until('it is sent', () => received.length === 3)
    const frames = received.map((bytes) => decodeFrame(bytes.subarray(2)))
    const length = frames[0]?.message?.length ?? 0
    expect(frames.map(({ position }) => position)).toEqual([undefined, length, 2 * length])
    // One that is longer would have its prefix sent alone.
    for (const bytes of received) expect(bytes.length).toBeLessThanOrEqual(4096)
    channel?.send(data(1, 1))
    await new Promise<void>((resolve) => stream.attach({ data: () => resolve(), end() {}, closed() {} }))
    void stream.closeWrite()
    await until('our end is sent', () => received.length === 4)
    expect(received[3]).toEqual(flagFrame(flag.fin))
  })

  test('a remote that may not know it has the first message alone, until it answers or lets us wait', async () => {
    const { far, muxer, clock } = attacked()
    for (const answers of [true, false]) {
      const stream = await muxer.open()
      await until('it is there', () => far.channels.size > 0)
      const channel = [...far.channels].at(-1)
      const received: Uint8Array[] = []
      channel?.attach({ onOpen() {}, onLow() {}, onClosed() {}, onMessage: (bytes) => received.push(bytes) })
      stream.send(Uint8Array.of(1, 2, 3))
      await until('it is sent', () => received.length === 1)
      stream.send(Uint8Array.of(4))
      void stream.closeWrite()
      await settle()
      expect(received).toHaveLength(1)
      if (answers) channel?.send(data(1, 1))
      else await clock.advance(250)
      await until('the rest is sent', () => received.length === 3)
      expect(received.map((bytes) => decodeFrame(bytes.subarray(1)).position)).toEqual(
        answers ? [undefined, undefined, undefined] : [undefined, 3, 4]
      )
      channel?.send(flagFrame(flag.finAck))
      channel?.send(flagFrame(flag.fin))
      await until('it is over', () => muxer.streamCount === 0)
      channel?.close()
      await until('it is closed', () => far.channels.size === 0)
    }
    expect(clock.pending).toBe(0)
  })
})
