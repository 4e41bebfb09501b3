import { CountingScope, ManualClock, until } from '@peerloom/conformance'
import type { MuxedStream } from '@peerloom/interface'
import { DataChannelMuxer } from '../src/muxer.ts'
import { type DataChannelOptions, defaultDataChannelOptions } from '../src/options.ts'
import { type FakeChannel, fakeLinks } from './fake-links.ts'

export interface AttackedStream {
  readonly channel: FakeChannel
  readonly stream: MuxedStream
}

/** One muxer, and a remote that writes what it likes. */
export function attacked(options: DataChannelOptions = {}) {
  const [near, far] = fakeLinks()
  const clock = new ManualClock()
  const scope = new CountingScope()
  const streams: MuxedStream[] = []
  const closes: (Error | undefined)[] = []
  const muxer = new DataChannelMuxer(
    near,
    {
      role: 'responder',
      clock,
      limits: scope,
      onStream: (stream) => streams.push(stream),
      onClose: (error) => closes.push(error)
    },
    { ...defaultDataChannelOptions, ...options }
  )
  near.events = {
    onChannel: (channel) => muxer.accept(channel),
    onConnected: () => {},
    onClosed: (error) => muxer.linkClosed(error)
  }
  far.events = { onChannel: () => {}, onConnected: () => {}, onClosed: () => {} }
  const received: Uint8Array[] = []
  const open = async (protocol = ''): Promise<AttackedStream> => {
    const channel = far.createChannel({ protocol })
    channel.attach({ onOpen() {}, onLow() {}, onClosed() {}, onMessage: (bytes) => received.push(bytes) })
    await until('it has arrived', () => streams.length > 0)
    return { channel, stream: streams.shift() as MuxedStream }
  }
  return { near, far, clock, scope, muxer, closes, received, open }
}
