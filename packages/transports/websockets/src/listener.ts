import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { type Listener, type ListenOptions, PeerloomError, toError } from '@peerloom/interface'
import { claimPort, expandWildcard, fromSocket, type PortClaim } from '@peerloom/sockets'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { parseWebSocketAddress, suffixOf, type WebSocketAddress } from './address.ts'
import type { Certificates, TlsCredentials } from './certificates.ts'
import type { WebSocketSettings } from './options.ts'
import { SharedUpgrades } from './shared-upgrades.ts'
import { UpgradeAcceptor } from './upgrade-acceptor.ts'
import { type ChannelParts, WebSocketChannel } from './websocket-channel.ts'

/** Accepts WebSockets on one address: on a port of its own, or on a server of the application. */
export class WebSocketListener implements Listener {
  readonly #options: ListenOptions
  readonly #settings: WebSocketSettings
  readonly #parts: ChannelParts
  #target: WebSocketAddress | undefined
  #suffix = ''
  #context: SecureContext | undefined
  #unwatch: (() => void) | undefined
  #acceptor: UpgradeAcceptor | undefined
  #claim: PortClaim | undefined
  #shared: SharedUpgrades | undefined

  constructor(options: ListenOptions, settings: WebSocketSettings, parts: ChannelParts) {
    this.#options = options
    this.#settings = settings
    this.#parts = parts
  }

  async listen(address: Multiaddr): Promise<void> {
    const target = parseWebSocketAddress(address)
    if (target === undefined || target.isName) throw refused(address, 'not a WebSocket address to listen on')
    if (this.#target !== undefined) throw refused(address, 'the listener is in use')
    this.#target = target
    this.#suffix = suffixOf(target)
    try {
      if (this.#settings.server !== undefined) this.#join(target)
      else await this.#bind(address, target)
    } catch (error) {
      await this.close()
      const cause = toError(error)
      throw refused(address, cause.message, cause)
    }
  }

  addresses(): Multiaddr[] {
    const target = this.#target
    const bound = this.#claim?.address() ?? this.#shared?.address()
    if (target === undefined || bound === undefined || typeof bound === 'string') return []
    // Without a certificate nobody gets in.
    if (target.secure && this.#claim !== undefined && this.#context === undefined) return []
    return expandWildcard(bound.address).map((host) => multiaddr(endAddress(host, bound) + this.#suffix))
  }

  async close(): Promise<void> {
    const [claim, shared] = [this.#claim, this.#shared]
    this.#target = this.#claim = this.#shared = undefined
    this.#unwatch?.()
    this.#unwatch = undefined
    this.#acceptor?.close()
    shared?.close()
    await claim?.close()
  }

  async #bind(address: Multiaddr, target: WebSocketAddress): Promise<void> {
    if (target.secure) this.#holdCertificate()
    const { maxPendingUpgrades, handshakeTimeoutMs, backlog } = this.#settings
    const { clock } = this.#parts
    const acceptor = new UpgradeAcceptor({
      clock,
      maxPending: maxPendingUpgrades,
      timeoutMs: handshakeTimeoutMs,
      path: target.hasPath ? target.path : undefined
    })
    this.#acceptor = acceptor
    const { host, port } = target
    const claim = await claimPort(
      { host, port },
      {
        upgrader: this.#options.upgrader,
        clock,
        kind: target.secure ? 'tls' : 'http',
        address,
        backlog,
        accept: (socket, remoteAddress) => {
          if (target.secure && this.#context === undefined) socket.destroy()
          else {
            acceptor.accept(socket, this.#context, (upgraded, rest) => this.#upgraded(upgraded, rest, remoteAddress))
          }
        }
      }
    )
    if (this.#target === target) this.#claim = claim
    else await claim.close() // closed while it was about to listen
  }

  #join(target: WebSocketAddress): void {
    const server = this.#settings.server as NonNullable<WebSocketSettings['server']>
    this.#shared = new SharedUpgrades(server, target.path, (socket, head) => {
      const remoteAddress = fromSocket(socket.remoteAddress, socket.remotePort)
      if (remoteAddress === undefined || !this.#options.upgrader.acceptInbound(remoteAddress)) return undefined
      return () => this.#upgraded(socket, head, remoteAddress)
    })
  }

  #holdCertificate(): void {
    const { tls } = this.#settings
    if (tls === undefined) throw new PeerloomError('ERR_INVALID_ARGUMENT', 'TLS needs the option tls: { key, cert }')
    if (!isCertificates(tls)) {
      this.#context = contextOf(tls)
      return
    }
    if (tls.current !== undefined) this.#context = contextOf(tls.current)
    this.#unwatch = tls.watch((credentials) => {
      const isFirst = this.#context === undefined
      this.#context = contextOf(credentials)
      if (isFirst) this.#options.onAddresses?.()
    })
  }

  #upgraded(socket: Socket, rest: Uint8Array, remote: Multiaddr): void {
    const channel = new WebSocketChannel(socket, 'server', this.#parts)
    channel.begin(rest)
    const { localAddress, localPort } = socket
    const local = fromSocket(localAddress, localPort)
    void this.#options.upgrader.upgradeInbound(channel, {
      transport: 'ws',
      remoteAddress: remote.encapsulate(this.#target?.secure === true ? '/tls/ws' : '/ws'),
      localAddress: local?.encapsulate(this.#suffix)
    })
  }
}

const isCertificates = (tls: TlsCredentials | Certificates): tls is Certificates => 'watch' in tls

function contextOf({ key, cert, passphrase }: TlsCredentials): SecureContext {
  try {
    return createSecureContext({
      key: key as string,
      cert: cert as string,
      ...(passphrase === undefined ? {} : { passphrase }),
      minVersion: 'TLSv1.2'
    })
  } catch (cause) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `the TLS certificate cannot be used: ${toError(cause).message}`, {
      cause
    })
  }
}

const endAddress = (host: string, { family, port }: AddressInfo | { family: string; port: number }): string =>
  `/${family === 'IPv6' ? 'ip6' : 'ip4'}/${host}/tcp/${port}`

const refused = (address: Multiaddr, why: string, cause?: Error): PeerloomError =>
  new PeerloomError('ERR_LISTEN', `cannot listen on ${address}: ${why}`, { cause })
