import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Clock,
  type Connection,
  type DialOptions,
  type Listener,
  type ListenOptions,
  type NodeContext,
  PeerloomError,
  toError,
  type Transport
} from '@peerloom/interface'
import { authorityOf, parseWebSocketAddress, type WebSocketAddress } from './address.ts'
import { BrowserChannel } from './browser-channel.ts'
import type { WebSocketSettings } from './options.ts'

const notHere = (): PeerloomError => new PeerloomError('ERR_LISTEN', 'a browser cannot listen on WebSockets')

export class WebSocketTransport implements Transport {
  readonly name = 'ws'
  readonly #clock: Clock
  readonly #settings: WebSocketSettings

  constructor(node: NodeContext, settings: WebSocketSettings) {
    this.#clock = node.clock
    this.#settings = settings
  }

  canDial(address: Multiaddr): boolean {
    const target = parseWebSocketAddress(address)
    // There is no way to write a zone into a URL.
    return target !== undefined && !target.host.includes('%')
  }

  canListen(): boolean {
    return false
  }

  async dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    const target = parseWebSocketAddress(address)
    if (target === undefined) throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is not a WebSocket address`)
    options.onStage?.('connect')
    const socket = await this.#open(target, options)
    const { maxFrameBytes, maxHeldBytes } = this.#settings
    const channel = new BrowserChannel(socket, { clock: this.#clock, maxFrameBytes, maxHeldBytes })
    return options.upgrader.upgradeOutbound(channel, {
      ...options,
      transport: this.name,
      remoteAddress: address
    })
  }

  createListener(_options: ListenOptions): Listener {
    return { listen: () => Promise.reject(notHere()), addresses: () => [], close: () => Promise.resolve() }
  }

  #open(target: WebSocketAddress, { signal }: DialOptions): Promise<WebSocket> {
    const { handshakeTimeoutMs } = this.#settings
    const url = `${target.secure ? 'wss' : 'ws'}://${authorityOf(target)}${target.path}`
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(toError(signal.reason))
        return
      }
      let socket: WebSocket
      try {
        socket = new WebSocket(url)
      } catch (cause) {
        // Plain WebSockets from a page that came over TLS, say.
        reject(new PeerloomError('ERR_ADDRESS_UNREACHABLE', `${url}: ${toError(cause).message}`, { cause }))
        return
      }
      socket.binaryType = 'arraybuffer'
      const settle = (): void => {
        this.#clock.clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        socket.onopen = null
        socket.onclose = null
      }
      const giveUp = (error: Error): void => {
        settle()
        socket.close()
        reject(error)
      }
      const onAbort = (): void => giveUp(toError(signal?.reason))
      const timer = this.#clock.setTimeout(
        () => giveUp(new PeerloomError('ERR_TIMEOUT', `the WebSocket handshake took over ${handshakeTimeoutMs} ms`)),
        handshakeTimeoutMs
      )
      signal?.addEventListener('abort', onAbort, { once: true })
      socket.onopen = () => {
        settle()
        resolve(socket)
      }
      // Browsers tell pages nothing of the cause: it stands in the developer tools only.
      socket.onclose = () =>
        giveUp(new PeerloomError('ERR_ADDRESS_UNREACHABLE', `${url} did not answer as a WebSocket`, { remote: true }))
    })
  }
}
