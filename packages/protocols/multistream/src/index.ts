/**
 * multistream-select 1.0: how two sides of a channel agree on what to speak. Normal negotiation waits for the answer;
 * the optimistic one sends the protocol's first bytes behind the proposal and saves a round trip.
 */
export { DialerNegotiation, ListenerNegotiation, multistreamProtocol } from './negotiation.ts'
export type { NegotiationStep } from './negotiation.ts'
export { encodeToken, TokenDecoder } from './tokens.ts'
export { handle, listen, negotiationTimeoutMs, select, selectOptimistic } from './select.ts'
export type { SelectOptions } from './select.ts'
