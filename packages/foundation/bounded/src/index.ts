/** What every structure that a remote can grow is made of (rule R8): bounds are part of the type, not of the caller. */
export { encodeVarint, readVarint, varintLength, writeVarint } from './varint.ts'
export { ProtobufReader } from './protobuf-reader.ts'
export type { DecodeLimits } from './protobuf-reader.ts'
export { lengthPrefix, ProtobufWriter } from './protobuf-writer.ts'
