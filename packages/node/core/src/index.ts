/**
 * `createNode()`: a node composed of modules. Dialling, upgrading, connections, protocols, addresses and limits live
 * here; transports, security, muxers and services are packages of their own.
 */
export { createNode } from './node-runtime.ts'
export type { Node, NodeStatus } from './node.ts'
export type { AddressOptions, NodeOptions, ServiceModules, Services } from './options.ts'
export { DialError } from './dial-error.ts'
export type { FailedAttempt } from './dial-error.ts'
export { defaultDialerOptions } from './dialer.ts'
export type { DialerOptions } from './dialer.ts'
export { rank } from './rank.ts'
export type { RankedAddress } from './rank.ts'
export { defaultConnectionManagerOptions } from './connection-manager.ts'
export type { ConnectionManagerOptions } from './connection-manager.ts'
export { defaultLimits } from './limits.ts'
export type { NodeLimits, NodeLimitsOptions } from './limits.ts'
export { defaultResolverLimits, resolve } from './resolver.ts'
export type { Dns, ResolverLimits } from './resolver.ts'
export { consoleLog } from './log.ts'
export type { ConnectionSnapshot, NodeSnapshot, StreamSnapshot } from './inspect.ts'
