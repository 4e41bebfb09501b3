/** Batteries included: `createNode()` with sane modules for this runtime. The modules themselves are `@peerloom/…`. */
export { createNode } from './create-node.ts'
export type { StandardServices } from './create-node.ts'
export { DialError } from '@peerloom/core'
export type { Node, NodeOptions, NodeSnapshot, ServiceModules, Services } from '@peerloom/core'
export { generateKey, parsePeerId, privateKeyFromProtobuf } from '@peerloom/identity'
export { byteReader, lengthPrefixed, protobuf, toWeb } from '@peerloom/streams'
export { isPeerloomError, PeerloomError } from '@peerloom/interface'
export type { Connection, ErrorCode, PeerId, PrivateKey, Stream } from '@peerloom/interface'
