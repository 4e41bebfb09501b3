import type { Multiaddr } from '@multiformats/multiaddr'
import { parsePeerId } from '@peerloom/identity'
import {
  type Connection,
  type DialOptions,
  type Listener,
  type ListenOptions,
  type NodeContext,
  PeerloomError,
  type Startable,
  type Transport,
  type Unsubscribe,
  type Upgrader
} from '@peerloom/interface'
import { isAnyRelay, parseCircuit } from './circuit-address.ts'
import type { CircuitRelayOptions } from './client-options.ts'
import { hopProtocol, stopProtocol } from './constants.ts'
import { connect } from './hop-client.ts'
import { RelayLinks } from './relay-links.ts'
import { Reservations, type ReservationSnapshot } from './reservations.ts'
import { serveStop } from './stop-handler.ts'

/** What the transport does at the moment, as plain data. */
export interface CircuitRelaySnapshot {
  readonly relays: readonly ReservationSnapshot[]
  /** Connections that go through relays, either way. */
  readonly connections: number
}

/** The relay transport of a node. */
export interface CircuitRelay extends Transport, Startable {
  inspect(): CircuitRelaySnapshot
}

export class CircuitTransport implements CircuitRelay {
  readonly name = 'circuit-relay'
  readonly #node: NodeContext
  readonly #options: Required<CircuitRelayOptions>
  readonly #self: string
  readonly #links: RelayLinks
  readonly #reservations: Reservations
  #upgrader: Upgrader | undefined
  #listeners = 0
  #subscription: Unsubscribe | undefined

  constructor(node: NodeContext, options: Required<CircuitRelayOptions>) {
    this.#node = node
    this.#options = options
    this.#self = node.peerId.toString()
    this.#links = new RelayLinks(node, options.dialTimeoutMs)
    this.#reservations = new Reservations(node, options, this.#links)
  }

  start(): void {
    this.#subscription = this.#node.events.on('connection:close', ({ connection }) => {
      this.#links.closed(connection)
      this.#reservations.closed(connection)
    })
    this.#reservations.start()
  }

  stop(): void {
    this.#subscription?.()
    this.#reservations.stop()
  }

  inspect(): CircuitRelaySnapshot {
    return { relays: this.#reservations.inspect(), connections: this.#links.carried }
  }

  /** Not through ourselves, and not to ourselves. */
  canDial(address: Multiaddr): boolean {
    const circuit = parseCircuit(address)
    return circuit !== undefined && circuit.relay !== this.#self && circuit.target !== this.#self
  }

  canListen(address: Multiaddr): boolean {
    if (isAnyRelay(address)) return true
    const circuit = parseCircuit(address)
    return circuit !== undefined && circuit.target === undefined && circuit.relay !== this.#self
  }

  async dial(address: Multiaddr, options: DialOptions): Promise<Connection> {
    const circuit = parseCircuit(address)
    const target = options.expected ?? (circuit?.target === undefined ? undefined : parsePeerId(circuit.target))
    if (circuit === undefined || target === undefined || !this.canDial(address)) {
      throw new PeerloomError('ERR_NO_TRANSPORT', `${address} is no address of a peer behind a relay`)
    }
    options.onStage?.('connect')
    const { signal } = options
    const { clock } = this.#node
    const { connectTimeoutMs: timeoutMs } = this.#options
    const relay = parsePeerId(circuit.relay)
    const link = await this.#links.to(relay, circuit.relayAddress, { signal })
    const stream = await link.openStream(hopProtocol, { timeoutMs, signal })
    const { channel, limits } = await connect(stream, target, { clock, timeoutMs, signal })
    const connection = await options.upgrader.upgradeOutbound(channel, {
      ...options,
      expected: target,
      transport: this.name,
      remoteAddress: address,
      limits
    })
    this.#links.carry(connection, relay)
    return connection
  }

  createListener(options: ListenOptions): Listener {
    let end: (() => void) | undefined
    return {
      listen: (address) => {
        if (end !== undefined || !this.canListen(address)) {
          const why = end === undefined ? 'not an address at a relay' : 'the listener is in use'
          return Promise.reject(new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${why}`))
        }
        // The relay may be away for now: its addresses come when it is there, and go when it leaves.
        end = this.#listen(address, options.upgrader)
        return Promise.resolve()
      },
      // What a relay grants is told to the node as it comes: `addresses.add`.
      addresses: () => [],
      close: () => {
        end?.()
        end = undefined
        return Promise.resolve()
      }
    }
  }

  #listen(address: Multiaddr, upgrader: Upgrader): () => void {
    this.#upgrader = upgrader
    if (this.#listeners++ === 0) this.#serve()
    const circuit = parseCircuit(address)
    const end =
      circuit === undefined
        ? this.#reservations.listenAny()
        : this.#reservations.listenAt(parsePeerId(circuit.relay), circuit.relayAddress)
    return () => {
      end()
      if (--this.#listeners > 0) return
      this.#node.protocols.unhandle(stopProtocol)
      this.#upgrader = undefined
    }
  }

  #serve(): void {
    const options = {
      node: this.#node,
      transport: this.name,
      messageTimeoutMs: this.#options.messageTimeoutMs,
      upgrader: () => this.#upgrader,
      isOurRelay: (peer: Connection['remotePeer']) => this.#reservations.serves(peer),
      onConnection: (connection: Connection, relay: Connection['remotePeer']) => this.#links.carry(connection, relay)
    }
    this.#node.protocols.handle(stopProtocol, (stream, connection) => serveStop(stream, connection, options), {
      maxInboundStreams: this.#options.maxCircuitsPerRelay
    })
  }
}
