import { defineModule, type Module } from '@peerloom/interface'
import { type CircuitRelay, CircuitTransport } from './circuit-transport.ts'
import { type CircuitRelayOptions, defaultClientOptions } from './client-options.ts'
import { type CircuitRelayServer, RelayServer } from './relay-server.ts'
import { type CircuitRelayServerOptions, resolveServerOptions } from './server-options.ts'

/**
 * Circuit relay v2, the client's side: dials peers behind relays, `/…/p2p/<relay>/p2p-circuit/p2p/<peer>`, and listens at
 * relays: on `/…/p2p/<relay>/p2p-circuit` at one that is named, on `/p2p-circuit` at those it finds.
 *
 * ```ts
 * const node = await createNode({ transports: [tcp(), circuitRelay()], addresses: { listen: ['/p2p-circuit'] } })
 * node.events.on('addresses', (addresses) => …) // relayed ones come and go
 * ```
 */
export function circuitRelay(options?: CircuitRelayOptions): Module<CircuitRelay> {
  return defineModule({
    name: '@peerloom/circuit-relay',
    options,
    create: (node) => new CircuitTransport(node, { ...defaultClientOptions, ...options })
  })
}

/**
 * Circuit relay v2, the relay's side: connects peers that cannot reach each other, within limits.
 *
 * ```ts
 * const relay = await createNode({ services: { relay: circuitRelayServer({ maxReservations: 512 }) } })
 * ```
 *
 * Throws ERR_INVALID_ARGUMENT for limits that cannot be told to a client.
 */
export function circuitRelayServer(options?: CircuitRelayServerOptions): Module<CircuitRelayServer> {
  const settings = resolveServerOptions(options ?? {})
  return defineModule({
    name: '@peerloom/circuit-relay/server',
    options,
    create: (node) => new RelayServer(node, settings)
  })
}

export { RelayError } from './relay-error.ts'
export { status as relayStatus } from './constants.ts'
export type { CircuitRelay, CircuitRelaySnapshot } from './circuit-transport.ts'
export type { CircuitRelayOptions } from './client-options.ts'
export type { CircuitRelayServer, RelayServerSnapshot } from './relay-server.ts'
export type { Rate } from './relay-state.ts'
export type { ReservationSnapshot } from './reservations.ts'
export type { CircuitLimitOptions, CircuitRelayServerOptions } from './server-options.ts'

// The pure parts, for simulations and other carriers.
export { Circuit } from './circuit.ts'
export type { CircuitLimits, CircuitOptions } from './circuit.ts'
export { hopCodec, stopCodec } from './messages.ts'
export type { HopMessage, LimitMessage, ReservationMessage, StopMessage } from './messages.ts'
export { RelayState } from './relay-state.ts'
export type { Asker, ConnectVerdict, RelayLimits, ReserveVerdict, Ticket } from './relay-state.ts'
export { ReservationKeeper } from './reservation-keeper.ts'
export type { Ask, KeeperOptions, KeeperStep } from './reservation-keeper.ts'
export { openVoucher, sealVoucher } from './voucher.ts'
export type { Voucher } from './voucher.ts'
