import { isRelayed, subscriberOf } from '@peerloom/addresses'
import { parsePeerId, peerIdFromBytes } from '@peerloom/identity'
import {
  type Connection,
  isPeerloomError,
  type Log,
  type NodeContext,
  type PeerId,
  PeerloomError,
  type Startable,
  type Stream,
  type Timer,
  toError,
  type Unsubscribe
} from '@peerloom/interface'
import { protobuf, type ProtobufChannel } from '@peerloom/streams'
import { Circuit } from './circuit.ts'
import { hopProtocol, maxMessageBytes, status, statusName, stopProtocol } from './constants.ts'
import { hopCodec, type HopMessage, type LimitMessage, stopCodec } from './messages.ts'
import { ownAddresses } from './own-addresses.ts'
import { type Asker, RelayState } from './relay-state.ts'
import type { ServerSettings } from './server-options.ts'
import { sealVoucher } from './voucher.ts'

/** Hop streams of one peer beside those of its circuits. */
const spareHopStreams = 16
/** Under these the node keeps the connections that the relay depends on. */
const protectReservation = 'circuit-relay:reservation'
const protectCircuit = 'circuit-relay:circuit'

type Hop = ProtobufChannel<HopMessage>

/** What a relay does at the moment, as plain data. */
export interface RelayServerSnapshot {
  readonly reservations: number
  readonly circuits: readonly {
    readonly source: string
    readonly target: string
    readonly ageMs: number
    /** Bytes from source to target, and back. */
    readonly bytes: readonly [number, number]
  }[]
  /** Circuits since the start, and what they were refused for, by the name of the status. */
  readonly served: number
  readonly refused: Readonly<Record<string, number>>
  /** Bytes of circuits that are over. */
  readonly bytesRelayed: number
}

/** The relay service of a node. */
export interface CircuitRelayServer extends Startable {
  inspect(): RelayServerSnapshot
}

export class RelayServer implements CircuitRelayServer {
  readonly #node: NodeContext
  readonly #settings: ServerSettings
  readonly #limit: LimitMessage | undefined
  readonly #log: Log
  readonly #state: RelayState
  readonly #circuits = new Map<Circuit, { readonly source: string; readonly target: string }>()
  /** Streams to targets that have not answered yet. */
  readonly #reaching = new Set<Stream>()
  readonly #refused: Record<string, number> = {}
  #served = 0
  #bytes = 0
  #subscription: Unsubscribe | undefined
  #sweep: Timer | undefined
  #running = false

  constructor(node: NodeContext, settings: ServerSettings) {
    this.#node = node
    this.#settings = settings
    this.#log = node.log('circuit-relay')
    this.#state = new RelayState(settings)
    const { bytes, durationMs } = settings.circuit
    if (bytes < Infinity || durationMs < Infinity) {
      this.#limit = {
        durationSeconds: durationMs < Infinity ? durationMs / 1000 : 0,
        bytes: bytes < Infinity ? BigInt(bytes) : 0n
      }
    }
    node.metrics.gauge(
      'peerloom_relay_reservations',
      'Reservations that are held here.',
      () => this.#state.reservations
    )
    node.metrics.gauge('peerloom_relay_circuits', 'Circuits that are open here.', () => this.#state.circuits)
  }

  start(): void {
    const { protocols, events } = this.#node
    this.#running = true
    this.#subscription = events.on('connection:close', ({ connection }) => this.#left(connection.remotePeer))
    protocols.handle(hopProtocol, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: this.#settings.maxCircuitsPerPeer + spareHopStreams,
      // They are served to be told that there is no relaying over a relay.
      allowLimited: true
    })
  }

  stop(): void {
    const { protocols, clock } = this.#node
    this.#running = false
    protocols.unhandle(hopProtocol)
    this.#subscription?.()
    clock.clearTimeout(this.#sweep)
    this.#sweep = undefined
    const stopped = new PeerloomError('ERR_STOPPED', 'the relay is stopping')
    for (const circuit of this.#circuits.keys()) circuit.abort(stopped)
    for (const stream of this.#reaching) stream.abort(stopped)
    this.#expire(Infinity)
  }

  inspect(): RelayServerSnapshot {
    const now = this.#node.clock.now()
    return {
      reservations: this.#state.reservations,
      circuits: [...this.#circuits].map(([circuit, ends]) => ({
        ...ends,
        ageMs: now - circuit.startedAt,
        bytes: circuit.passed
      })),
      served: this.#served,
      refused: { ...this.#refused },
      bytesRelayed: this.#bytes
    }
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const hop = protobuf(stream, hopCodec, { maxBytes: maxMessageBytes })
    const timer = this.#bound(stream, this.#settings.messageTimeoutMs, 'the message of a hop stream')
    let message: HopMessage | undefined
    try {
      message = await hop.read()
    } catch (error) {
      if (!isPeerloomError(error, 'ERR_DECODE') || stream.status === 'reset') throw error
      await this.#refuse(hop, stream, status.malformedMessage)
      return
    } finally {
      this.#node.clock.clearTimeout(timer)
    }
    if (message?.type === 'RESERVE') await this.#reserve(hop, stream, connection)
    else if (message?.type === 'CONNECT') await this.#connect(hop, stream, connection, message)
    else if (message === undefined) await stream.close()
    else await this.#refuse(hop, stream, status.unexpectedMessage)
  }

  async #reserve(hop: Hop, stream: Stream, connection: Connection): Promise<void> {
    const { clock, connections } = this.#node
    const { remotePeer, remoteAddress } = connection
    const asker = askerOf(connection)
    if (!this.#settings.allowReserve(asker.peer, remoteAddress)) {
      await this.#refuse(hop, stream, status.permissionDenied)
      return
    }
    const verdict = this.#state.reserve(asker, clock.now())
    if (verdict.status !== status.ok) {
      await this.#refuse(hop, stream, verdict.status)
      return
    }
    connections.protect(remotePeer, protectReservation)
    this.#scheduleSweep(verdict.expiresAt)
    // The connection may be gone already, and nobody would notice any more.
    this.#left(remotePeer)
    const expire = BigInt(verdict.expiresAt / 1000)
    const voucher = await sealVoucher(this.#node, { relay: this.#node.peerId, peer: remotePeer, expiration: expire })
    const addresses = ownAddresses(this.#node.addresses.list(), this.#node.peerId)
    await this.#answer(hop, { status: status.ok, reservation: { expire, addresses, voucher } })
    await stream.close()
  }

  async #connect(hop: Hop, stream: Stream, connection: Connection, message: HopMessage): Promise<void> {
    const target = tryPeerId(message.peer)
    if (target === undefined) {
      await this.#refuse(hop, stream, status.malformedMessage)
      return
    }
    const { clock, connections } = this.#node
    const asker = askerOf(connection)
    const name = target.toString()
    if (!this.#settings.allowConnect(asker.peer, connection.remoteAddress, name)) {
      await this.#refuse(hop, stream, status.permissionDenied)
      return
    }
    const verdict = this.#state.connect(asker, name, clock.now())
    if (verdict.status !== status.ok) {
      await this.#refuse(hop, stream, verdict.status)
      return
    }
    const ends = [connection.remotePeer, target]
    for (const peer of ends) connections.protect(peer, protectCircuit)
    let bytes: readonly [number, number] = [0, 0]
    const over = (): void => {
      this.#bytes += bytes[0] + bytes[1]
      this.#state.over(verdict.ticket)
      for (const peer of ends) {
        if (this.#state.circuitsOf(peer.toString()) === 0) connections.unprotect(peer, protectCircuit)
      }
    }
    let far: Stream | undefined
    try {
      far = await this.#reach(target, connection.remotePeer)
      if (far !== undefined) await this.#answer(hop, { status: status.ok })
    } catch (error) {
      far?.abort(toError(error))
      over()
      throw error
    }
    if (far === undefined) {
      over()
      await this.#refuse(hop, stream, status.connectionFailed)
      return
    }
    const circuit = new Circuit(hop.release(), far, {
      clock,
      limits: this.#settings.circuit,
      onOver: (error) => {
        bytes = circuit.passed
        this.#circuits.delete(circuit)
        over()
        if (this.#log.enabled) this.#log.debug('circuit %s - %s is over', asker.peer, name, bytes, error)
      }
    })
    this.#served++
    this.#circuits.set(circuit, { source: asker.peer, target: name })
    circuit.start()
    if (!this.#running) circuit.abort(new PeerloomError('ERR_STOPPED', 'the relay is stopping'))
  }

  /** A stream to the target, which has agreed to the circuit; undefined when it has not. */
  async #reach(target: PeerId, source: PeerId): Promise<Stream | undefined> {
    const { connectTimeoutMs: timeoutMs } = this.#settings
    const connection = this.#directly(target)
    if (connection === undefined || !this.#running) return undefined
    let stream: Stream | undefined
    let timer: Timer | undefined
    try {
      stream = await connection.openStream(stopProtocol, { timeoutMs })
      timer = this.#bound(stream, timeoutMs, 'the target of a circuit')
      this.#reaching.add(stream)
      const stop = protobuf(stream, stopCodec, { maxBytes: maxMessageBytes })
      await stop.write({ type: 'CONNECT', peer: source.bytes, ...this.#limitPart })
      const answer = await stop.read()
      if (answer?.type === 'STATUS' && answer.status === status.ok) {
        stop.release()
        return stream
      }
      const said = answer?.status === undefined ? 'nothing of use' : statusName(answer.status)
      stream.abort(new PeerloomError('ERR_RELAY', `the target of a circuit answered: ${said}`, { remote: true }))
    } catch (error) {
      if (this.#log.enabled) this.#log.debug('%s was not reached for a circuit', target.toString(), error)
      stream?.abort(toError(error))
    } finally {
      this.#node.clock.clearTimeout(timer)
      if (stream !== undefined) this.#reaching.delete(stream)
    }
    return undefined
  }

  get #limitPart(): { readonly limit?: LimitMessage } {
    return this.#limit === undefined ? {} : { limit: this.#limit }
  }

  /** An open connection to the peer that no relay carries. */
  #directly(peer: PeerId): Connection | undefined {
    return this.#node.connections.list(peer).findLast((one) => one.status === 'open' && !askerOf(one).relayed)
  }

  #left(peer: PeerId): void {
    if (this.#state.reservations === 0 || this.#directly(peer) !== undefined) return
    const name = peer.toString()
    if (this.#state.leave(name)) this.#node.connections.unprotect(peer, protectReservation)
  }

  #scheduleSweep(at: number): void {
    const { clock } = this.#node
    if (this.#sweep !== undefined || !this.#running) return
    this.#sweep = clock.setTimeout(() => {
      this.#sweep = undefined
      const nextAt = this.#expire(clock.now())
      if (nextAt !== undefined) this.#scheduleSweep(nextAt)
    }, at - clock.now())
  }

  /** Peers whose reservation has expired are no longer kept for it. */
  #expire(now: number): number | undefined {
    const { ended, nextAt } = this.#state.expire(now)
    for (const peer of ended) this.#node.connections.unprotect(parsePeerId(peer), protectReservation)
    return nextAt
  }

  #bound(stream: Stream, timeoutMs: number, what: string): Timer {
    return this.#node.clock.setTimeout(
      () => stream.abort(new PeerloomError('ERR_TIMEOUT', `${what} took over ${timeoutMs} ms`, { remote: true })),
      timeoutMs
    )
  }

  async #refuse(hop: Hop, stream: Stream, code: number): Promise<void> {
    const name = statusName(code)
    this.#refused[name] = (this.#refused[name] ?? 0) + 1
    await hop.write({ type: 'STATUS', status: code })
    await stream.close()
  }

  #answer(hop: Hop, answer: Omit<HopMessage, 'type'>): Promise<void> {
    return hop.write({ type: 'STATUS', ...answer, ...this.#limitPart })
  }
}

const askerOf = (connection: Connection): Asker => ({
  peer: connection.remotePeer.toString(),
  subscriber: subscriberOf(connection.remoteAddress),
  // One without limits is no limited connection, but a relayed one all the same.
  relayed: connection.limits !== undefined || isRelayed(connection.remoteAddress)
})

function tryPeerId(bytes: Uint8Array | undefined): PeerId | undefined {
  try {
    return bytes === undefined ? undefined : peerIdFromBytes(bytes)
  } catch {
    return undefined
  }
}
