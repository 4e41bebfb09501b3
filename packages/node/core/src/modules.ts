import {
  type Capability,
  type ContentRouting,
  contentRoutingCapability,
  type Module,
  type NodeContext,
  type PeerDiscovery,
  peerDiscoveryCapability,
  PeerloomError,
  type PeerRouting,
  peerRoutingCapability,
  type Startable
} from '@peerloom/interface'

interface Built {
  readonly module: Module<unknown>
  readonly instance: unknown
}

/**
 * Builds each module once. A module that stands in several lists is one instance: the very same module, or two of one
 * name of which at most one was given options (`kadDHT()` in `peerDiscovery` and in `services`).
 */
export class ModuleSet {
  readonly #built: Built[] = []
  readonly #building: Module<unknown>[] = []
  readonly #all: readonly Module<unknown>[]
  readonly #context: NodeContext
  /** What the node itself offers, by the capability's name. */
  readonly #own: ReadonlyMap<string, unknown>

  /** `all` is where a module's needs are looked for, whatever the order of the lists, when they are not the node's own. */
  constructor(all: readonly Module<unknown>[], context: NodeContext, own: ReadonlyMap<string, unknown> = new Map()) {
    this.#all = all
    this.#context = context
    this.#own = own
  }

  /** The instance of a module, or of its twin. Throws ERR_MODULE_CONFLICT for twins with different options. */
  build<T>(module: Module<T>): T {
    const before =
      this.#built.find((built) => built.module === module) ?? this.#built.find((built) => isTwin(built.module, module))
    return (before ?? this.#make(module)).instance as T
  }

  /** Each service is an instance of its own, unless it is the very same module. */
  buildService<T>(module: Module<T>): T {
    const before = this.#built.find((built) => built.module === module)
    return (before ?? this.#make(module)).instance as T
  }

  /** Instances of modules that offer a capability. */
  offering<T>(capability: Capability<T>): T[] {
    return this.#built
      .filter(({ module }) => module.provides?.some(({ name }) => name === capability.name) === true)
      .map(({ instance }) => instance as T)
  }

  discovery(): PeerDiscovery[] {
    return this.offering(peerDiscoveryCapability)
  }

  peerRouting(): PeerRouting[] {
    return this.offering(peerRoutingCapability)
  }

  contentRouting(): ContentRouting[] {
    return this.offering(contentRoutingCapability)
  }

  /** Everything with a life of its own, in the order it was built. */
  startables(): Startable[] {
    return this.#built.map(({ instance }) => instance).filter(isStartable)
  }

  #make(module: Module<unknown>): Built {
    if (this.#building.includes(module)) {
      const circle = [...this.#building, module].map((one) => one.moduleName).join(' -> ')
      throw new PeerloomError('ERR_MODULE_CONFLICT', `modules need each other in a circle: ${circle}`)
    }
    this.#building.push(module)
    const needed = new Map<string, unknown>()
    for (const capability of module.needs ?? []) needed.set(capability.name, this.#provide(capability, module))
    const context = Object.create(this.#context, {
      capability: {
        value: (capability: Capability<unknown>): unknown => {
          if (needed.has(capability.name)) return needed.get(capability.name)
          throw new PeerloomError(
            'ERR_MISSING_MODULE',
            `${module.moduleName} did not name ${capability.name} among its needs`
          )
        }
      }
    }) as NodeContext
    const built = { module, instance: module(context) }
    this.#building.pop()
    this.#built.push(built)
    return built
  }

  #provide(capability: Capability<unknown>, asker: Module<unknown>): unknown {
    if (this.#own.has(capability.name)) return this.#own.get(capability.name)
    const offers = (module: Module<unknown>): boolean =>
      module.provides?.some(({ name }) => name === capability.name) === true
    const built = this.#built.find(({ module }) => offers(module))
    if (built !== undefined) return built.instance
    const candidate = this.#all.find(offers)
    if (candidate !== undefined) return this.#make(candidate).instance
    throw new PeerloomError(
      'ERR_MISSING_MODULE',
      `${asker.moduleName} needs ${capability.name}, which no module offers: ${capability.hint}`
    )
  }
}

function isTwin(built: Module<unknown>, wanted: Module<unknown>): boolean {
  if (built.moduleName !== wanted.moduleName) return false
  if (built.options === undefined || wanted.options === undefined || built.options === wanted.options) return true
  throw new PeerloomError(
    'ERR_MODULE_CONFLICT',
    `${wanted.moduleName} is given twice with different options: make it once and name it in both places`
  )
}

function isStartable(instance: unknown): instance is Startable {
  const candidate = instance as Partial<Startable> | undefined | null
  return typeof candidate?.start === 'function' && typeof candidate.stop === 'function'
}
