import type { Clock, Timer } from '@peerloom/interface'
import type { UdpAddress } from '@peerloom/quic-engine'
import type { QuicLink, QuicListening } from './engine.ts'
import type { AddonConnection, AddonServer } from './quinn-addon.ts'
import { linkOf } from './quinn-link.ts'

/** Calls that wait for a remote beyond those that serve a handshake. */
const spareAccepts = 16
/** How often calls are added while handshakes hold those that wait. */
const topUpMs = 100
const closeTimeoutMs = 5000

/**
 * Accepts connections. The addon's accept spans the handshake, so one call would let a remote that stalls hold everybody up:
 * there are always some more calls waiting than handshakes under way.
 */
export class QuinnListening implements QuicListening {
  readonly local: UdpAddress
  readonly #server: AddonServer
  readonly #maxAccepts: number
  readonly #clock: Clock
  readonly #onLink: (link: QuicLink) => void
  #accepting = 0
  /** Accepts that have ended, one way or the other. */
  #settled = 0
  #connections = 0
  #closed = false
  #timer: Timer | undefined = undefined
  #freed: Promise<void> | undefined = undefined

  constructor(
    server: AddonServer,
    host: string,
    maxHandshakes: number,
    clock: Clock,
    onLink: (link: QuicLink) => void
  ) {
    this.#server = server
    this.local = { host, port: server.port() }
    this.#maxAccepts = maxHandshakes
    this.#clock = clock
    this.#onLink = onLink
    this.#topUp()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
    await this.#freeWhenUnused()
  }

  #topUp(): void {
    if (this.#freed !== undefined) return
    const handshakes = Math.max(0, this.#server.stats().acceptedHandshakes - this.#settled)
    const wanted = Math.min(handshakes + spareAccepts, this.#maxAccepts)
    while (this.#accepting < wanted) {
      this.#accepting++
      this.#server.inboundConnection().then(this.#onConnection, this.#onFailure)
    }
    this.#clock.clearTimeout(this.#timer)
    if (!this.#closed) this.#timer = this.#clock.setTimeout(() => this.#topUp(), topUpMs)
  }

  readonly #onConnection = (connection: AddonConnection): void => {
    this.#accepting--
    this.#settled++
    if (this.#closed) {
      connection.abort()
    } else {
      this.#connections++
      const local = this.local.host === '0.0.0.0' || this.local.host === '::' ? undefined : this.local
      this.#onLink(linkOf(connection, local, this.#clock, () => this.#released()))
    }
    this.#topUp()
  }

  readonly #onFailure = (): void => {
    this.#accepting--
    this.#settled++
    this.#topUp()
  }

  #released(): Promise<void> | undefined {
    this.#connections--
    return this.#closed ? this.#freeWhenUnused() : undefined
  }

  #freeWhenUnused(): Promise<void> | undefined {
    if (this.#connections > 0) return undefined
    this.#freed ??= this.#free()
    return this.#freed
  }

  /** Bounded: the addon waits for connections that drain. */
  async #free(): Promise<void> {
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, closeTimeoutMs)
    })
    await Promise.race([this.#server.abort().catch(() => {}), late])
    this.#clock.clearTimeout(timer)
  }
}
