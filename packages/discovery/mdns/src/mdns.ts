import type { Log, NodeContext, OnPeer, PeerDiscovery, Timer, Unsubscribe } from '@peerloom/interface'
import { MdnsCore, type Outgoing } from './core.ts'
import { findLinks, type NodeLink } from './links.ts'
import type { CheckedOptions } from './options.ts'
import { randomPeerName, serviceName } from './service-name.ts'
import { Sockets } from './sockets.ts'

/** How often the interfaces are looked at: the system does not tell of changes. */
const interfacesMs = 5000
/** Bound on the sending of the last packets. */
const goodbyeMs = 500

/** What lives from start to stop. */
interface Run {
  readonly core: MdnsCore<NodeLink>
  readonly sockets: Sockets
  links: readonly NodeLink[]
  unsubscribe: Unsubscribe
  timer: Timer | undefined
  timerAt: number
  watch: Timer | undefined
}

/** The protocol on the sockets and interfaces of this machine. */
export class Mdns implements PeerDiscovery {
  onPeer: OnPeer | undefined
  readonly #node: NodeContext
  readonly #options: CheckedOptions
  readonly #log: Log
  #run: Run | undefined

  constructor(node: NodeContext, options: CheckedOptions) {
    this.#node = node
    this.#options = options
    this.#log = node.log('mdns')
  }

  async start(): Promise<void> {
    if (this.#run !== undefined) return
    const { clock, events, peerId, privateNetwork, random } = this.#node
    const run: Run = {
      core: new MdnsCore(
        {
          ...this.#options,
          self: peerId,
          service: serviceName(this.#options.serviceTag, privateNetwork),
          peerName: randomPeerName(random),
          random: () => fraction(random(4))
        },
        clock.now()
      ),
      sockets: new Sockets({
        port: this.#options.port,
        log: this.#log,
        onPacket: (bytes, source) => this.#receive(run, bytes, source)
      }),
      links: [],
      unsubscribe: () => {},
      timer: undefined,
      timerAt: Number.POSITIVE_INFINITY,
      watch: undefined
    }
    this.#run = run
    run.unsubscribe = events.on('addresses', (addresses) => {
      run.core.setAddresses(addresses, clock.now())
      this.#schedule(run)
    })
    await this.#watch(run)
  }

  async stop(): Promise<void> {
    const run = this.#run
    if (run === undefined) return
    const { clock } = this.#node
    this.#run = undefined
    run.unsubscribe()
    clock.clearTimeout(run.timer)
    clock.clearTimeout(run.watch)
    let bound: Timer | undefined
    await Promise.race([
      this.#send(run, run.core.goodbye()),
      new Promise<void>((resolve) => {
        bound = clock.setTimeout(resolve, goodbyeMs)
      })
    ])
    clock.clearTimeout(bound)
    await run.sockets.close()
  }

  /** Looks at the interfaces, now and then again. */
  async #watch(run: Run): Promise<void> {
    const { clock } = this.#node
    try {
      run.links = findLinks(run.links, this.#options.interfaces)
    } catch (error) {
      // Some systems keep their interfaces from applications.
      if (this.#log.enabled) this.#log.debug('no interfaces to be seen', error)
    }
    await run.sockets.update(run.links)
    if (run !== this.#run) return
    run.core.setLinks(run.links, clock.now())
    this.#schedule(run)
    run.watch = clock.setTimeout(() => void this.#watch(run), interfacesMs)
  }

  #receive(run: Run, bytes: Uint8Array, source: string): void {
    if (run !== this.#run) return
    for (const found of run.core.receive(bytes, source, this.#node.clock.now())) {
      if (this.#log.enabled) this.#log.debug('%s is at %s', found.id.toString(), found.addresses.join(', '))
      this.onPeer?.(found)
    }
    this.#schedule(run)
  }

  #schedule(run: Run): void {
    const { clock } = this.#node
    const { nextAt } = run.core
    if (nextAt === run.timerAt || run !== this.#run) return
    clock.clearTimeout(run.timer)
    run.timer = undefined
    run.timerAt = nextAt
    if (nextAt === Number.POSITIVE_INFINITY) return
    run.timer = clock.setTimeout(() => {
      run.timerAt = Number.POSITIVE_INFINITY
      void this.#send(run, run.core.tick(clock.now()))
      this.#schedule(run)
    }, nextAt - clock.now())
  }

  async #send(run: Run, packets: readonly Outgoing<NodeLink>[]): Promise<void> {
    await Promise.all(packets.map(({ link, bytes }) => run.sockets.send(link, bytes)))
  }
}

/** From 0 up to 1. */
const fraction = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32
