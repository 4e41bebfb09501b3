/**
 * The seams of Peerloom: what the layers promise each other. Types and contracts, the error base and its codes, and the
 * system clock; no behaviour beyond that.
 */
export { errorCodes, isPeerloomError, PeerloomError, toError } from './errors.ts'
export type { ErrorCode, PeerloomErrorOptions } from './errors.ts'
export type { AbortOptions, Startable } from './abort.ts'
export { systemClock, systemRandom } from './clock.ts'
export type { Clock, RandomBytes, Timer } from './clock.ts'
export type { Channel, ChannelReader, ChannelStatus } from './channel.ts'
export type { Direction, MuxedStream, Stream } from './stream.ts'
export type { Connection, ConnectionLimits, ConnectionStatus, OpenStreamOptions } from './connection.ts'
export type { KeyType, PeerId, PeerInfo, PrivateKey, PublicKey } from './peer.ts'
export type { Muxer, MuxerOptions, StreamMuxerFactory } from './muxer.ts'
export type { ConnectionProtector, Secured, SecureOptions, SecureTransport } from './security.ts'
export type {
  AdoptOptions,
  DialOptions,
  DialStage,
  Listener,
  ListenOptions,
  Transport,
  UpgradeOptions,
  Upgrader
} from './transport.ts'
export type { Resource, Scope, ScopeLimits, ScopeUsage } from './limits.ts'
export type { AddAddressesOptions, KnownAddress, PeerEntry, PeerPatch, PeerStore, Tag } from './peer-store.ts'
export type { ContentRouting, FoundPeer, OnPeer, PeerDiscovery, PeerRouting } from './routing.ts'
export type {
  PublishResult,
  PubSub,
  PubSubEvents,
  PubSubMessage,
  SubscribeOptions,
  Subscription,
  SubscriptionEvent,
  TopicValidator,
  TopicVerdict
} from './pubsub.ts'
export type { Events, IdentifyResult, NodeEvents, OwnAddress, Reachability, StateTopic, Unsubscribe } from './events.ts'
export type { Log, LogFactory } from './log.ts'
export type { Counter, Gauge, Histogram, Labels, Metrics } from './metrics.ts'
export type { HandleOptions, Protocols, StreamHandler, Topology } from './protocols.ts'
export { defineModule } from './node.ts'
export type {
  Addresses,
  Capability,
  Connections,
  DialProgress,
  DialTarget,
  Module,
  ModuleDefinition,
  NodeContext,
  NodeDialOptions
} from './node.ts'
export {
  contentRoutingCapability,
  identifyCapability,
  identityKeyCapability,
  peerDiscoveryCapability,
  peerRoutingCapability
} from './capabilities.ts'
export type { ConnectionGater, Identifier } from './capabilities.ts'
