/**
 * The Channel base that sockets, secured connections and streams share, message framing on top of it, and adapters to
 * other people's stream types.
 */
export { ChannelBase, defaultWaterMarks, linkLingerMs } from './channel-base.ts'
export type { WaterMarks } from './channel-base.ts'
export { StreamBase } from './stream-base.ts'
export { ChunkIterator } from './chunk-iterator.ts'
export { ChunkQueue } from './chunk-queue.ts'
export { endOfTurn, nextTurn, type TurnScheduler, useTurns } from './end-of-turn.ts'
export type { Flushable } from './end-of-turn.ts'
export { Waiters } from './waiters.ts'
export { channelPair } from './pair.ts'
export { byteReader } from './byte-reader.ts'
export type { ByteReader } from './byte-reader.ts'
export { lengthPrefixed, LengthPrefixedDecoder } from './length-prefixed.ts'
export type { LengthPrefixed, LengthPrefixedOptions } from './length-prefixed.ts'
export { protobuf } from './protobuf.ts'
export type { Codec, ProtobufChannel } from './protobuf.ts'
export { runHandshake } from './handshake.ts'
export type { HandshakeBound } from './handshake.ts'
export { toWeb } from './web.ts'
