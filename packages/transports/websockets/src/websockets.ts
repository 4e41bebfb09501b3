import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Connection,
  type DialOptions,
  type Listener,
  type ListenOptions,
  type NodeContext,
  PeerloomError,
  type Transport
} from '@peerloom/interface'
import { fromSocket } from '@peerloom/sockets'
import { parseWebSocketAddress } from './address.ts'
import { connectWebSocket } from './connect.ts'
import { FrameBuffers } from './frame-buffers.ts'
import { WebSocketListener } from './listener.ts'
import { MaskKeys } from './mask.ts'
import type { WebSocketSettings } from './options.ts'
import { type ChannelParts, WebSocketChannel } from './websocket-channel.ts'

export class WebSocketTransport implements Transport {
  readonly name = 'ws'
  readonly #settings: WebSocketSettings
  readonly #random: NodeContext['random']
  readonly #parts: ChannelParts

  constructor(node: NodeContext, settings: WebSocketSettings) {
    const { maxFrameBytes, maxIdleFramesPerSecond } = settings
    this.#settings = settings
    this.#random = node.random
    this.#parts = {
      clock: node.clock,
      keys: new MaskKeys(this.#random),
      buffers: new FrameBuffers(),
      maxFrameBytes,
      maxIdleFramesPerSecond
    }
  }

  canDial(address: Multiaddr): boolean {
    return parseWebSocketAddress(address) !== undefined
  }

  canListen(address: Multiaddr): boolean {
    return parseWebSocketAddress(address)?.isName === false
  }

  async dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    const target = parseWebSocketAddress(address)
    if (target === undefined) throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is not a WebSocket address`)
    options.onStage?.('connect')
    const { handshakeTimeoutMs, clientTls } = this.#settings
    const { socket, rest } = await connectWebSocket(target, {
      signal: options.signal,
      clock: this.#parts.clock,
      random: this.#random,
      timeoutMs: handshakeTimeoutMs,
      tls: clientTls
    })
    const channel = new WebSocketChannel(socket, 'client', this.#parts)
    channel.begin(rest)
    const local = fromSocket(socket.localAddress, socket.localPort)
    return options.upgrader.upgradeOutbound(channel, {
      ...options,
      transport: this.name,
      remoteAddress: address,
      localAddress: local?.encapsulate(target.secure ? '/tls/ws' : '/ws')
    })
  }

  createListener(options: ListenOptions): Listener {
    return new WebSocketListener(options, this.#settings, this.#parts)
  }
}
