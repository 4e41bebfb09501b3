import type { Clock, RandomBytes } from '@peerloom/interface'
import type { DatagramPort, UdpAddress } from '../udp.ts'
import type { Binding, QuicheConfig } from './binding.ts'
import { QuicheConnection, type QuicheConnectionHost } from './connection.ts'
import { connectionIdBytes, destinationOf, minInitialBytes, quicVersion1, readLongHeader } from './packet.ts'
import { RetryTokens } from './retry-token.ts'

export interface QuicheEndpointOptions {
  readonly binding: Binding
  readonly port: DatagramPort
  readonly clock: Clock
  readonly random: RandomBytes
  readonly keepAliveMs: number
  /** Inbound handshakes under way at once; first packets beyond are dropped. */
  readonly maxHandshakes: number
}

/** What is made of connections of remotes. */
export interface QuicheAcceptor {
  /** Read for each connection: certificates change. */
  config(from: UdpAddress): QuicheConfig
  /** Asked once a remote has shown to be where it says. False: have nothing to do with it. */
  accepts(from: UdpAddress): boolean
  onConnection(connection: QuicheConnection): void
}

const scratch = new Uint8Array(1500)

/** Everything QUIC on one UDP port: connections in both directions, told apart by their ids. */
export class QuicheEndpoint implements QuicheConnectionHost {
  readonly port: DatagramPort
  readonly clock: Clock
  readonly #options: QuicheEndpointOptions
  readonly #connections = new Map<string, QuicheConnection>()
  readonly #tokens = new RetryTokens()
  /** Settles the handshakes of dials. */
  readonly #dialling = new Map<QuicheConnection, (connection: QuicheConnection) => void>()
  #acceptor: QuicheAcceptor | undefined = undefined
  #handshakes = 0
  /** Connections that are not over. */
  #live = 0
  #onIdle: (() => Promise<void>) | undefined = undefined

  constructor(options: QuicheEndpointOptions) {
    this.#options = options
    this.port = options.port
    this.clock = options.clock
    options.port.onDatagram = (bytes, from) => this.#receive(bytes, from)
  }

  /** Connections that somebody uses. */
  get connectionCount(): number {
    return this.#live
  }

  /** Takes connections of remotes; undefined: no more. */
  accept(acceptor: QuicheAcceptor | undefined): void {
    this.#acceptor = acceptor
  }

  /** Begins a handshake; `settled` is called when it is over: look at `isEstablished`. */
  connect(to: UdpAddress, config: QuicheConfig, settled: (connection: QuicheConnection) => void): QuicheConnection {
    const { binding, random } = this.#options
    const scid = random(connectionIdBytes)
    const quiche = binding.Connection.connect(null, scid, { ...this.port.local }, { ...to }, config)
    const connection = this.#add(new QuicheConnection(quiche, this, this.#connectionOptions(false, scid, to)))
    this.#dialling.set(connection, settled)
    connection.flush()
    return connection
  }

  /** Closes the port with the last connection: at once when there is none. Resolves when that is known to come or done. */
  async closeWhenIdle(): Promise<void> {
    this.#onIdle = () => {
      for (const connection of this.#connections.values()) connection.discard()
      this.#connections.clear()
      return this.port.close()
    }
    if (this.#live === 0) await this.#onIdle()
  }

  established(connection: QuicheConnection): void {
    if (connection.isServer) {
      this.#handshakes--
      if (this.#acceptor === undefined) connection.abort()
      else this.#acceptor.onConnection(connection)
      return
    }
    this.#settle(connection)
  }

  over(connection: QuicheConnection): Promise<void> | undefined {
    this.#live--
    if (connection.isServer && !connection.isEstablished) this.#handshakes--
    this.#settle(connection)
    return this.#live === 0 ? this.#onIdle?.() : undefined
  }

  closed(connection: QuicheConnection): void {
    this.#connections.delete(connection.key)
  }

  #settle(connection: QuicheConnection): void {
    const settled = this.#dialling.get(connection)
    this.#dialling.delete(connection)
    settled?.(connection)
  }

  #connectionOptions(
    isServer: boolean,
    scid: Uint8Array,
    remote: UdpAddress
  ): ConstructorParameters<typeof QuicheConnection>[2] {
    return { isServer, key: keyOf(scid), remote, keepAliveMs: this.#options.keepAliveMs }
  }

  #add(connection: QuicheConnection): QuicheConnection {
    this.#connections.set(connection.key, connection)
    this.#live++
    return connection
  }

  #receive(datagram: Uint8Array, from: UdpAddress): void {
    const destination = destinationOf(datagram)
    if (destination === undefined) return
    const connection = this.#connections.get(keyOf(destination))
    if (connection !== undefined) {
      // Nobody migrates: what comes from elsewhere is not of this connection.
      if (connection.remote.port === from.port && connection.remote.host === from.host) connection.receive(datagram)
      return
    }
    this.#receiveFirst(datagram, from)
  }

  /** A packet of no connection. Nothing is kept until its sender has proved to be where it says. */
  #receiveFirst(datagram: Uint8Array, from: UdpAddress): void {
    const acceptor = this.#acceptor
    if (acceptor === undefined || datagram.length < minInitialBytes) return
    const header = readLongHeader(datagram)
    if (header === undefined) return
    const { binding, random, maxHandshakes } = this.#options
    const { version, dcid, scid, token, isInitial } = header
    // Copies: one of them is kept.
    const [scidOf, dcidOf] = [new Uint8Array(scid), new Uint8Array(dcid)]
    try {
      if (version !== quicVersion1) {
        if (version !== 0) this.#reply(binding.negotiateVersion(scidOf, dcidOf, scratch), from)
        return
      }
      if (!isInitial || this.#handshakes >= maxHandshakes) return
      const now = this.clock.now()
      if (token.length === 0) {
        if (dcid.length < 8) return // section 7.2
        const newScid = random(connectionIdBytes)
        const proof = this.#tokens.create(dcidOf, newScid, from, now)
        this.#reply(binding.retry(scidOf, dcidOf, newScid, proof, version, scratch), from)
        return
      }
      const odcid = this.#tokens.open(token, dcid, from, now)
      if (odcid === undefined || !acceptor.accepts(from)) return
      const local = { ...this.port.local }
      const quiche = binding.Connection.accept(dcidOf, odcid, local, { ...from }, acceptor.config(from))
      const connection = this.#add(new QuicheConnection(quiche, this, this.#connectionOptions(true, dcidOf, from)))
      this.#handshakes++
      connection.receive(datagram)
    } catch {
      // Whatever it was, it was no first packet.
    }
  }

  #reply(length: number, to: UdpAddress): void {
    this.port.send(scratch.slice(0, length), to)
  }
}

const keyOf = (id: Uint8Array): string => Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1')
