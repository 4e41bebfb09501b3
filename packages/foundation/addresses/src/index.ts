/** What a multiaddr says without dialling it: how far it reaches, by what transport, to whom, and who shares it. */
export { kindOf } from './address-kind.ts'
export type { AddressKind, AddressScope } from './address-kind.ts'
export { isRelayed, peerOf } from './peer-of.ts'
export { subscriberOf } from './subscriber.ts'
