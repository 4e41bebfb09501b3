/** The two protocols of circuit relay v2: clients speak hop to a relay, a relay speaks stop to whoever reserved. */
export const hopProtocol = '/libp2p/circuit/relay/0.2.0/hop'
export const stopProtocol = '/libp2p/circuit/relay/0.2.0/stop'

/** Longest message that go and rust read. */
export const maxMessageBytes = 4096

/** Status codes (circuit-v2.md, protobuf). */
export const status = {
  ok: 100,
  reservationRefused: 200,
  resourceLimitExceeded: 201,
  permissionDenied: 202,
  connectionFailed: 203,
  noReservation: 204,
  malformedMessage: 400,
  unexpectedMessage: 401
} as const

export type Status = (typeof status)[keyof typeof status]

const names = new Map<number, string>([
  [status.ok, 'ok'],
  [status.reservationRefused, 'reservation refused'],
  [status.resourceLimitExceeded, 'resource limit exceeded'],
  [status.permissionDenied, 'permission denied'],
  [status.connectionFailed, 'connection failed'],
  [status.noReservation, 'no reservation'],
  [status.malformedMessage, 'malformed message'],
  [status.unexpectedMessage, 'unexpected message']
])

/** A code in words, also one that came after this version. */
export const statusName = (code: number): string => names.get(code) ?? `status ${code}`
