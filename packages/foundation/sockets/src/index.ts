/**
 * What transports on Node sockets share: a socket as a Channel, connecting one inside a bound, and addresses in the terms of
 * the operating system. Node only.
 */
export { expandWildcard, fromSocket, ipAddress, toSocketAddress } from './address.ts'
export type { SocketAddress } from './address.ts'
export { connectChannel } from './connect-channel.ts'
export { connectSocket } from './connect-socket.ts'
export type { ConnectSocketOptions } from './connect-socket.ts'
export { ownRead } from './own-read.ts'
export { resetSocket } from './reset-socket.ts'
export { claimPort } from './shared-server.ts'
export type { PortClaim, PortClaimOptions } from './shared-server.ts'
export { sniff } from './sniff.ts'
export type { LinkKind } from './sniff.ts'
export { SocketChannel } from './socket-channel.ts'
export { WaitingSockets } from './waiting-sockets.ts'
export type { WaitingSocketsOptions } from './waiting-sockets.ts'
