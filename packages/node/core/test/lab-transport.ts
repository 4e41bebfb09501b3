import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { defineModule, type DialOptions, type Module, PeerloomError, type Transport } from '@peerloom/interface'
import { memory, type MemoryNetwork } from '@peerloom/memory'
import { channelPair } from '@peerloom/streams'

/**
 * - `refused`: the system says no at once
 * - `lost`: nothing ever answers
 * - `mute`: somebody accepts and never says a word
 * - `/memory/…`: leads to that node
 */
export type Fate = 'refused' | 'lost' | 'mute' | `/memory/${string}`

/** A transport whose every address has the fate that a test gives it. */
export class Lab {
  readonly fates = new Map<string, Fate>()
  /** Addresses in the order in which attempts on them started. */
  readonly started: string[] = []
  /** Addresses whose attempt was called off. */
  readonly calledOff: string[] = []
  readonly #network: MemoryNetwork

  constructor(network: MemoryNetwork) {
    this.#network = network
  }

  /** Gives addresses their fates; returns them parsed. */
  map(fates: Readonly<Record<string, Fate>>): Multiaddr[] {
    for (const [address, fate] of Object.entries(fates)) this.fates.set(address, fate)
    return Object.keys(fates).map((address) => multiaddr(address))
  }

  transport(): Module<Transport> {
    const inner = memory({ network: this.#network })
    return defineModule({
      name: 'lab',
      create: (node) => {
        const links = inner(node)
        return {
          name: 'lab',
          canDial: (address) => this.fates.has(bare(address)),
          canListen: (address) => links.canListen(address),
          createListener: (options) => links.createListener(options),
          dial: async (address, options) => {
            this.started.push(bare(address))
            options.signal?.addEventListener('abort', () => this.calledOff.push(bare(address)))
            const fate = this.fates.get(bare(address)) as Fate
            if (fate.startsWith('/')) return links.dial(multiaddr(fate), options)
            options.onStage?.('connect')
            if (fate === 'refused') throw new PeerloomError('ERR_ADDRESS_UNREACHABLE', 'nobody is there')
            if (fate === 'lost') return lost(options)
            const [near] = channelPair(node.clock)
            return options.upgrader.upgradeOutbound(near, {
              ...options,
              transport: 'lab',
              remoteAddress: address
            })
          }
        }
      }
    })
  }
}

const bare = (address: Multiaddr): string => address.toString().replace(/\/p2p\/[^/]+$/, '')

function lost({ signal }: DialOptions): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted === true) reject(signal.reason)
    else signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
