import { testMuxer } from '@peerloom/conformance'
import type { MuxerOptions } from '@peerloom/interface'
import { DataChannelMuxer } from '../src/muxer.ts'
import { defaultDataChannelOptions } from '../src/options.ts'
import { fakeLinks, type FakeLink } from './fake-links.ts'

function muxerOver(link: FakeLink, options: MuxerOptions): DataChannelMuxer {
  const muxer = new DataChannelMuxer(link, options, { ...defaultDataChannelOptions, maxInboundStreams: 2048 })
  link.events = {
    onChannel: (channel) => muxer.accept(channel),
    onConnected: () => {},
    onClosed: (error) => muxer.linkClosed(error)
  }
  return muxer
}

testMuxer('WebRTC data channels', {
  connect(near, far) {
    const [one, two] = fakeLinks()
    return { near: muxerOver(one, near), far: muxerOver(two, far), cut: (error) => one.close(error) }
  }
})
