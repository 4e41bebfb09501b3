import type { ComponentLogger, PeerId as TheirPeerId, PrivateKey as TheirPrivateKey } from '@libp2p/interface'
import {
  type Addresses,
  type Capability,
  type Clock,
  type Connections,
  type ContentRouting,
  type Events,
  type LogFactory,
  type Metrics,
  type NodeContext,
  type NodeEvents,
  type PeerId,
  PeerloomError,
  type PeerRouting,
  type PeerStore,
  type Protocols,
  type PublicKey,
  type RandomBytes,
  type Scope,
  systemClock,
  systemRandom
} from '@peerloom/interface'
import { fromTheirKey, fromTheirPeerId } from './identity.ts'
import { fromTheirLogger } from './logger.ts'
import { OpenScope } from './open-scope.ts'

/** What our modules use of a js-libp2p node's components. */
export interface Libp2pComponents {
  readonly peerId: TheirPeerId
  readonly privateKey: TheirPrivateKey
  readonly logger: ComponentLogger
}

const nothing = (): void => {}

const noMetrics: Metrics = {
  counter: () => ({ add: nothing }),
  gauge: () => ({ set: nothing }),
  histogram: () => ({ observe: nothing })
}

/** The view that one of our modules has of a js-libp2p node: identity, time and logs. Everything else throws. */
export class Libp2pContext implements NodeContext {
  readonly agentVersion = 'js-libp2p'
  /** js-libp2p protects links before our modules see them. */
  readonly privateNetwork = undefined
  readonly clock: Clock = systemClock
  readonly random: RandomBytes = systemRandom
  readonly metrics: Metrics = noMetrics
  readonly limits: Scope = new OpenScope('js-libp2p')
  readonly storage = undefined
  readonly #components: Partial<Libp2pComponents>
  #publicKey: PublicKey | undefined = undefined
  #log: LogFactory | undefined = undefined

  /** js-libp2p's own factories of muxers take no components, so they may be missing until they are asked for. */
  constructor(components: Partial<Libp2pComponents> = {}) {
    this.#components = components
  }

  get peerId(): PeerId {
    return fromTheirPeerId(this.#component('peerId'))
  }

  get publicKey(): PublicKey {
    this.#publicKey ??= fromTheirKey(this.#component('privateKey').publicKey)
    return this.#publicKey
  }

  async sign(data: Uint8Array): Promise<Uint8Array> {
    return this.#component('privateKey').sign(data)
  }

  get log(): LogFactory {
    this.#log ??= fromTheirLogger(this.#component('logger'))
    return this.#log
  }

  get peers(): PeerStore {
    return absent('peers')
  }

  get connections(): Connections {
    return absent('connections')
  }

  get protocols(): Protocols {
    return absent('protocols')
  }

  get addresses(): Addresses {
    return absent('addresses')
  }

  get routing(): PeerRouting & ContentRouting {
    return absent('routing')
  }

  get events(): Events<NodeEvents> {
    return absent('events')
  }

  capability<T>(capability: Capability<T>): T {
    return absent(`the capability ${capability.name}`)
  }

  #component<K extends keyof Libp2pComponents>(name: K): Libp2pComponents[K] {
    const component = this.#components[name]
    if (component === undefined) {
      throw new PeerloomError('ERR_MISSING_MODULE', `toLibp2p: the components have no ${name}`)
    }
    return component
  }
}

function absent(what: string): never {
  throw new PeerloomError('ERR_MISSING_MODULE', `a module in a js-libp2p node cannot use ${what}`)
}
