/**
 * A simulated network under virtual time. Protocol cores that are pure live in it by the thousand, at the level of what they
 * tell each other (`Network`, with routers of pubsub in its nodes).
 */
export { EventLog } from './engine/event-log.ts'
export { type EventHandler, EventWheel } from './engine/event-wheel.ts'
export { Random } from './engine/random.ts'
export { Link } from './network/link.ts'
export { SimMessage } from './network/message.ts'
export { rpcKinds, type RpcKind } from './network/kinds.ts'
export { Network, type NetworkObserver } from './network/network.ts'
export type { Nat, NetworkOptions } from './network/options.ts'
export { Histogram, Recorder, type Sample } from './network/recorder.ts'
export { oneRegion, type Regions, world } from './network/regions.ts'
export type { Resident } from './network/resident.ts'
export { type MakeRouter, RouterResident, type RouterResidentOptions } from './network/router-resident.ts'
export { Sybil, type SybilOptions } from './network/sybil.ts'
export { type Edge, fullTopology, givenTopology, growingTopology, randomTopology } from './network/topology.ts'
