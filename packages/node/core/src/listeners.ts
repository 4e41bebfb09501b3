import type { Multiaddr } from '@multiformats/multiaddr'
import { type Listener, PeerloomError, toError, type Transport, type Upgrader } from '@peerloom/interface'

/** The node's listeners, over all its transports. */
export class Listeners {
  readonly #transports: readonly Transport[]
  readonly #listeners: Listener[] = []
  readonly #closed: Listener[] = []
  readonly #onAddresses: () => void

  /** `onAddresses` is called when what a listener gives as its addresses changes. */
  constructor(transports: readonly Transport[], onAddresses: () => void) {
    this.#transports = transports
    this.#onAddresses = onAddresses
  }

  /** Listens on all addresses; when one fails, none is left. Rejects with ERR_LISTEN or ERR_NO_TRANSPORT. */
  async listen(addresses: readonly Multiaddr[], upgrader: Upgrader): Promise<void> {
    try {
      for (const address of addresses) {
        const transport = this.#transports.find((one) => one.canListen(address))
        if (transport === undefined) throw new PeerloomError('ERR_NO_TRANSPORT', `no transport listens on ${address}`)
        const listener = transport.createListener({ upgrader, onAddresses: this.#onAddresses })
        await listener.listen(address)
        this.#listeners.push(listener)
      }
    } catch (error) {
      await this.close()
      throw toError(error)
    }
  }

  addresses(): Multiaddr[] {
    return this.#listeners.flatMap((listener) => listener.addresses())
  }

  async close(): Promise<void> {
    const closing = this.#listeners.splice(0)
    this.#closed.push(...closing)
    await Promise.all(closing.map((listener) => listener.close()))
  }

  /** Resolves when ports that connections shared are free as well; the connections are closed by then. */
  async released(): Promise<void> {
    await Promise.all(this.#closed.splice(0).map(async (listener) => listener.released?.()))
  }
}
