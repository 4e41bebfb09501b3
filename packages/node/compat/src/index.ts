/** js-libp2p modules in Peerloom nodes, and Peerloom modules in js-libp2p nodes. */
export { encrypterFromLibp2p, fromLibp2p, muxerFromLibp2p, transportFromLibp2p } from './from-libp2p.ts'
export type { Libp2pFactory } from './from-libp2p.ts'
export type { FromLibp2pOptions } from './libp2p-components.ts'
export { toLibp2p } from './to-libp2p.ts'
export type { ToLibp2pComponents } from './to-libp2p.ts'
