import type { AbortOptions, MultiaddrConnection } from '@libp2p/interface'
import type { AbstractStreamInit } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Channel } from '@peerloom/interface'
import { ChannelStream } from './channel-stream.ts'

export interface ChannelConnectionInit extends AbstractStreamInit {
  readonly remoteAddr: Multiaddr
}

/** What one of our transports brings, as the link that js-libp2p upgrades. Closing it ends both directions. */
export class ChannelConnection extends ChannelStream implements MultiaddrConnection {
  readonly remoteAddr: Multiaddr
  readonly #channel: Channel

  constructor(channel: Channel, init: ChannelConnectionInit) {
    super(channel, init)
    this.#channel = channel
    this.remoteAddr = init.remoteAddr
  }

  override async close(options?: AbortOptions): Promise<void> {
    if (this.status !== 'open') return
    this.status = 'closing'
    await super.close(options)
    this.onTransportClosed()
  }

  override sendCloseWrite(options?: AbortOptions): Promise<void> {
    return this.#channel.close(options)
  }
}
