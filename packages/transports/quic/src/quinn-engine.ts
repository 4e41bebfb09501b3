import { type AbortOptions, type Clock, PeerloomError, type PrivateKey, toError } from '@peerloom/interface'
import type { UdpAddress } from '@peerloom/quic-engine'
import type { QuicEngine, QuicLink, QuicListening } from './engine.ts'
import type { QuicSettings } from './options.ts'
import { type AddonClient, loadAddon, type QuinnConfig } from './quinn-addon.ts'
import { linkOf } from './quinn-link.ts'
import { QuinnListening } from './quinn-listening.ts'

const socketBufferBytes = 4 * 1024 * 1024
const shutdownTimeoutMs = 1000

/** Dials of one address family share a socket. */
interface Dialler {
  readonly client: AddonClient
  /** Dials under way and connections. */
  users: number
}

/** QUIC by the quinn addon, which owns its sockets and makes the libp2p TLS certificate from the node's key. */
export class QuinnEngine implements QuicEngine {
  readonly #key: PrivateKey
  readonly #settings: QuicSettings
  readonly #clock: Clock
  #config: QuinnConfig | undefined = undefined
  readonly #diallers = new Map<0 | 1, Dialler>()

  constructor(key: PrivateKey, settings: QuicSettings, clock: Clock) {
    this.#key = key
    this.#settings = settings
    this.#clock = clock
  }

  async listen(at: UdpAddress, onLink: (link: QuicLink) => void): Promise<QuicListening> {
    const { Server } = loadAddon()
    const config = this.#configure()
    try {
      const server = new Server(config, at.host, at.port)
      return new QuinnListening(server, at.host, this.#settings.maxHandshakes, this.#clock, onLink)
    } catch (cause) {
      const message = `cannot listen on UDP ${at.host} port ${at.port}: ${toError(cause).message}`
      throw new PeerloomError('ERR_LISTEN', message, { cause })
    }
  }

  dial(to: UdpAddress, { signal }: AbortOptions): Promise<QuicLink> {
    const { handshakeTimeoutMs } = this.#settings
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const family = to.host.includes(':') ? 1 : 0
      const dialler = this.#dialler(family)
      dialler.users++
      const release = (): undefined => {
        dialler.users--
        this.#freeWhenUnused(family, dialler)
      }
      let given = false
      const give = (settle: () => void): void => {
        given = true
        this.#clock.clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const onAbort = (): void => give(() => reject(toError(signal?.reason)))
      const timer = this.#clock.setTimeout(
        () =>
          give(() => reject(new PeerloomError('ERR_TIMEOUT', `the QUIC handshake took over ${handshakeTimeoutMs} ms`))),
        handshakeTimeoutMs
      )
      signal?.addEventListener('abort', onAbort, { once: true })
      dialler.client.outboundConnection(to.host, to.port).then(
        (connection) => {
          if (!given) give(() => resolve(linkOf(connection, undefined, this.#clock, release)))
          else {
            connection.abort()
            release()
          }
        },
        (cause: unknown) => {
          release()
          if (!given) give(() => reject(dialFailed(toError(cause))))
        }
      )
    })
  }

  async stop(): Promise<void> {
    for (const [family, dialler] of this.#diallers) {
      this.#diallers.delete(family)
      this.#freeWhenUnused(family, dialler)
    }
  }

  #configure(): QuinnConfig {
    const settings = this.#settings
    this.#config ??= new (loadAddon().QuinnConfig)({
      privateKeyProto: this.#key.protobuf,
      handshakeTimeout: settings.handshakeTimeoutMs,
      shutdownTimeout: shutdownTimeoutMs,
      maxIdleTimeout: settings.idleTimeoutMs,
      keepAliveInterval: settings.keepAliveMs,
      maxConcurrentStreamLimit: settings.maxInboundStreams,
      maxStreamData: settings.streamWindowBytes,
      maxConnectionData: settings.connectionWindowBytes,
      receiveBufferSize: socketBufferBytes,
      sendBufferSize: socketBufferBytes
    })
    return this.#config
  }

  #dialler(family: 0 | 1): Dialler {
    let dialler = this.#diallers.get(family)
    if (dialler === undefined) {
      const { Client } = loadAddon()
      try {
        dialler = { client: new Client(this.#configure(), family), users: 0 }
      } catch (cause) {
        const message = `no UDP socket for IPv${family === 0 ? 4 : 6}: ${toError(cause).message}`
        throw new PeerloomError('ERR_ADDRESS_UNREACHABLE', message, { cause })
      }
      this.#diallers.set(family, dialler)
    }
    return dialler
  }

  /** After `stop`, the last user ends the client; before, it is kept for the next dial. */
  #freeWhenUnused(family: 0 | 1, dialler: Dialler): void {
    if (dialler.users === 0 && this.#diallers.get(family) !== dialler) dialler.client.abort()
  }
}

function dialFailed(cause: Error): PeerloomError {
  const { message } = cause
  if (message === 'timed out') return new PeerloomError('ERR_ADDRESS_UNREACHABLE', 'nobody answers', { cause })
  const handshake = message.includes('handshake')
  return new PeerloomError(handshake ? 'ERR_SECURITY' : 'ERR_ADDRESS_UNREACHABLE', `QUIC: ${message}`, {
    cause,
    remote: handshake
  })
}
