import type { Multiaddr } from '@multiformats/multiaddr'
import { type Listener, PeerloomError, type Upgrader } from '@peerloom/interface'
import { createNativeMuxer } from '@peerloom/quic-engine'
import { expandWildcard } from '@peerloom/sockets'
import { fromUdpAddress, toUdpAddress } from './address.ts'
import type { QuicEngine, QuicLink, QuicListening } from './engine.ts'

/** Names on the wire that other implementations report, too. */
export const securityName = '/tls/1.0.0'
export const transportName = 'quic'

/** Accepts connections on one UDP address. */
export class QuicListener implements Listener {
  readonly #engine: QuicEngine
  readonly #upgrader: Upgrader
  #listening: QuicListening | undefined = undefined

  constructor(engine: QuicEngine, upgrader: Upgrader) {
    this.#engine = engine
    this.#upgrader = upgrader
  }

  async listen(address: Multiaddr): Promise<void> {
    const target = toUdpAddress(address)
    if (target === undefined || this.#listening !== undefined) {
      const why = target === undefined ? 'not a QUIC address' : 'the listener is in use'
      throw new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${why}`)
    }
    this.#listening = await this.#engine.listen(target, (link) => this.#accept(link))
  }

  addresses(): Multiaddr[] {
    if (this.#listening === undefined) return []
    const { host, port } = this.#listening.local
    return expandWildcard(host).map((expanded) => fromUdpAddress({ host: expanded, port }))
  }

  async close(): Promise<void> {
    const listening = this.#listening
    this.#listening = undefined
    await listening?.close()
  }

  #accept({ connection, remote, local, remotePeer, remoteKey }: QuicLink): void {
    const upgrader = this.#upgrader
    const remoteAddress = fromUdpAddress(remote)
    if (!upgrader.acceptInbound(remoteAddress)) {
      connection.abort()
      return
    }
    const localAddress = local === undefined ? undefined : fromUdpAddress(local)
    const createMuxer = createNativeMuxer.bind(undefined, transportName, connection)
    void upgrader
      .adoptInbound({
        transport: transportName,
        security: securityName,
        remoteAddress,
        localAddress,
        remotePeer,
        remoteKey,
        createMuxer
      })
      .then((adopted) => {
        if (adopted === undefined) connection.abort()
      })
  }
}
