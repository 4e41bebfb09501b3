import { encodeVarint } from '@peerloom/bounded'
import { seededRandom, settle, until } from '@peerloom/conformance'
import { describe, expect, test } from 'vitest'
import { creditFrame, flag, flagFrame, maxReceivedBytes } from '../src/frame.ts'
import { creditProtocol } from '../src/muxer.ts'
import { attacked } from './attacked.ts'
import type { FakeChannel } from './fake-links.ts'

const data = (payload: Uint8Array): Uint8Array => {
  const length = encodeVarint(payload.length)
  const body = Uint8Array.of(0x12, ...length)
  return Buffer.concat([encodeVarint(body.length + payload.length), body, payload])
}

const flagsIn = (messages: readonly Uint8Array[]): number[] =>
  messages.filter((one) => one.length === 3 && one[1] === 8).map((one) => one[2] as number)

describe('a remote that breaks the framing', () => {
  test.each([
    ['a length over the bound', Buffer.concat([encodeVarint(maxReceivedBytes + 1), new Uint8Array(10)])],
    ['a length that never ends', new Uint8Array(20).fill(0xff)],
    ['a message that is not protobuf', Uint8Array.of(2, 0x12, 0x7f)],
    ['a varint longer than needed', Uint8Array.of(0x82, 0x00, 0x08, 0x00)],
    ['payload behind its end', Buffer.concat([flagFrame(flag.fin), data(Uint8Array.of(1))])]
  ])('%s costs it the stream only', async (_name, bytes) => {
    const { open, muxer, scope } = attacked()
    const { channel, stream } = await open()
    const other = await open()
    channel.send(bytes)
    await until('it is reset', () => stream.status === 'reset')
    expect(stream.error).toMatchObject({ remote: true })
    expect(other.stream.status).toBe('open')
    expect(muxer.streamCount).toBe(1)
    expect(scope.usage.streamsInbound).toBe(1)
  })

  test('messages may be cut anywhere and joined anyhow', async () => {
    const { open } = attacked()
    const { channel, stream } = await open()
    const got: number[] = []
    stream.attach({ data: (bytes) => got.push(...bytes), end: () => got.push(-1), closed() {} })
    const all = Buffer.concat([
      data(Uint8Array.of(1, 2)),
      data(new Uint8Array(0)),
      data(Uint8Array.of(3)),
      flagFrame(flag.fin)
    ])
    for (const byte of all) channel.send(Uint8Array.of(byte))
    await until('all is there', () => got.includes(-1))
    expect(got).toEqual([1, 2, 3, -1])
  })

  test('random bytes: never a throw, never more than the stream', async () => {
    const seed = 20_261_126
    const random = seededRandom(seed)
    const { open, closes } = attacked()
    for (let round = 0; round < 300; round++) {
      const { channel } = await open()
      for (let messages = 1 + random(4); messages > 0; messages--) {
        channel.send(Uint8Array.from({ length: random(64) }, () => random(256)))
      }
      if (random(2) === 0) channel.close()
    }
    await settle()
    expect(closes, `seed ${seed}`).toEqual([])
  })

  test('flags without end reset the stream', async () => {
    const { open, received } = attacked()
    const { channel, stream } = await open()
    for (let count = 0; count < 200; count++) channel.send(flagFrame(flag.fin))
    await until('it is reset', () => stream.status === 'reset')
    expect(flagsIn(received).filter((one) => one === flag.finAck).length).toBeLessThanOrEqual(65)
  })

  test('empty messages and credit that grants nothing reset the stream', async () => {
    const { open } = attacked()
    for (const message of [data(new Uint8Array(0)), creditFrame(0), Uint8Array.of(0)]) {
      const { channel, stream } = await open()
      for (let count = 0; count < 70; count++) channel.send(message)
      await until('it is reset', () => stream.status === 'reset')
    }
  })
})

describe('a remote that sends what nobody reads', () => {
  test('one that does not know credit loses the stream at the bound, and the memory is given back', async () => {
    const { open, scope } = attacked({ maxBufferedBytes: 2 * 1024 * 1024 })
    const { channel, stream } = await open()
    for (let count = 0; count < 120; count++) channel.send(data(new Uint8Array(16_000)))
    await until('it waits', () => channel.bufferedAmount === 0)
    expect(stream.status).toBe('open')
    expect(scope.usage.memory).toBeGreaterThan(1024 * 1024)
    for (let count = 0; count < 20; count++) channel.send(data(new Uint8Array(16_000)))
    await until('it is reset', () => stream.status === 'reset')
    expect(stream.error).toMatchObject({ code: 'ERR_LIMIT', remote: true })
    expect(scope.usage.memory).toBe(0)
  })

  test('memory is asked of the connection, and what it refuses costs the stream', async () => {
    const { open, scope } = attacked()
    scope.refused.add('memory')
    const { channel, stream } = await open()
    for (let count = 0; count < 20; count++) channel.send(data(new Uint8Array(16_000)))
    await until('it is reset', () => stream.status === 'reset')
    expect(stream.error).toMatchObject({ code: 'ERR_LIMIT' })
  })

  test('one that goes on after we closed is told to stop', async () => {
    const { open, received } = attacked()
    const { channel, stream } = await open()
    stream.close().catch(() => {})
    for (let count = 0; count < 10; count++) channel.send(data(new Uint8Array(16_000)))
    await until('it is told', () => flagsIn(received).includes(flag.stopSending))
    expect(flagsIn(received).filter((one) => one === flag.stopSending)).toHaveLength(1)
  })

  test('one that knows credit is granted a window, then more as it is read', async () => {
    const { open, received } = attacked({ receiveWindowBytes: 400_000 })
    const { channel, stream } = await open(creditProtocol)
    await until('the first grant', () => received.length === 1)
    expect(received[0]).toEqual(creditFrame(400_000))
    let read = 0
    stream.attach({ data: (bytes) => void (read += bytes.length), end() {}, closed() {} })
    for (let count = 0; count < 20; count++) channel.send(data(new Uint8Array(16_000)))
    await until('all is read', () => read === 320_000)
    expect(received.slice(1)).toEqual([creditFrame(400_000 + 112_000), creditFrame(400_000 + 224_000)])
  })
})

describe('a remote that floods', () => {
  test('streams over the limit are refused, and too many of them end the connection', async () => {
    const { far, muxer, closes } = attacked({ maxInboundStreams: 4 })
    for (let count = 0; count < 500; count++) far.createChannel({})
    await until('all are seen', () => far.channels.size === 4)
    expect(muxer.streamCount).toBe(4)
    expect(closes).toEqual([])
    for (let count = 0; count < 1000; count++) far.createChannel({})
    await until('the connection ends', () => closes.length === 1)
    expect(closes[0]).toMatchObject({ code: 'ERR_PROTOCOL_VIOLATION', remote: true })
    expect(muxer.streamCount).toBe(0)
  })
})

describe('ends', () => {
  test('an end that is never acknowledged is over after ten seconds', async () => {
    const { open, clock, muxer } = attacked()
    const { channel, stream } = await open()
    channel.send(flagFrame(flag.fin))
    await until('its end is here', () => stream.status === 'closing')
    const closing = stream.closeWrite()
    await clock.advance(9999)
    expect(stream.status).toBe('closing')
    await clock.advance(1)
    await closing
    expect(stream.status).toBe('closed')
    expect(muxer.streamCount).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('a channel of ours that is over is the remote’s to close, for a second', async () => {
    const { open, muxer, clock, far, near } = attacked()
    for (const closes of [true, false]) {
      const stream = await muxer.open()
      await until('it is there', () => far.channels.size > 0)
      const channel = [...far.channels].at(-1) as FakeChannel
      channel.send(flagFrame(flag.fin))
      void stream.closeWrite()
      channel.send(flagFrame(flag.finAck))
      await until('it is over', () => stream.status === 'closed')
      expect(muxer.streamCount).toBe(0)
      await clock.advance(999)
      expect(near.channels.size).toBe(1)
      if (closes) channel.close()
      else await clock.advance(1)
      await until('the channel is closed', () => near.channels.size === 0 && far.channels.size === 0)
      expect(clock.pending).toBe(0)
    }
    // One that the remote has opened is not waited for, unless it has to hear of a reset.
    const { stream } = await open()
    stream.abort(new Error('enough'))
    expect([muxer.streamCount, near.channels.size]).toEqual([0, 1])
    muxer.abort(new Error('all of it'))
    expect(clock.pending).toBe(0)
    await until('its channel is closed with all of them', () => near.channels.size === 0)
  })

  test('a stream of which nothing is missing but an acknowledgement ends well when the remote closes the connection', async () => {
    const { open, far } = attacked()
    const { channel, stream } = await open()
    channel.send(flagFrame(flag.fin))
    await until('its end is here', () => stream.status === 'closing')
    const closing = stream.closeWrite()
    far.close()
    await closing
    expect(stream.status).toBe('closed')
  })

  test('a remote that stops reading frees whoever writes, and what is written goes nowhere', async () => {
    const { open, received } = attacked()
    const { channel, stream } = await open()
    channel.send(creditFrame(1000))
    channel.send(data(Uint8Array.of(1)))
    await new Promise<void>((resolve) => stream.attach({ data: () => resolve(), end() {}, closed() {} }))
    expect(stream.send(new Uint8Array(300_000))).toBe(false)
    await until('what was granted has left', () => stream.queuedBytes === 299_000)
    const drained = stream.drained()
    channel.send(flagFrame(flag.stopSending))
    await drained
    expect(stream.queuedBytes).toBe(0)
    const before = received.length
    stream.send(new Uint8Array(100_000))
    await settle()
    expect(received.length).toBe(before)
    void stream.closeWrite()
    await until('our end leaves all the same', () => flagsIn(received).includes(flag.fin))
  })

  test('a channel that is closed in the middle is a reset, and what it brought is read first', async () => {
    const { open } = attacked()
    const { channel, stream } = await open()
    channel.send(data(Uint8Array.of(1, 2, 3)))
    channel.close()
    await until('it is gone', () => stream.status === 'reset')
    const got: unknown[] = []
    stream.attach({
      data: (bytes) => got.push([...bytes]),
      end: () => got.push('end'),
      closed: (error) => got.push(error)
    })
    expect(got).toEqual([[1, 2, 3], expect.objectContaining({ code: 'ERR_CHANNEL_RESET' })])
  })
})
