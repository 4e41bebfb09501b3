import type { AbortOptions } from './abort.ts'
import type { Channel } from './channel.ts'
import type { PeerId, PublicKey } from './peer.ts'

export interface SecureOptions extends AbortOptions {
  readonly role: 'initiator' | 'responder'
  /** The peer that was dialled: any other fails with ERR_WRONG_PEER. */
  readonly expected?: PeerId | undefined
  /** Muxers we speak, preferred first, to agree on one inside the handshake. Empty: do not offer. */
  readonly muxers: readonly string[]
  readonly prologue?: Uint8Array
}

export interface Secured {
  /** Reads and writes plain bytes; owns the channel below it. */
  readonly channel: Channel
  readonly remotePeer: PeerId
  readonly remoteKey: PublicKey
  /** The muxer agreed inside the handshake. */
  readonly muxer?: string
}

export interface SecureTransport {
  /** Wire name: `/noise`. */
  readonly protocol: string
  /**
   * On failure the channel below is aborted. Errors: ERR_SECURITY, ERR_WRONG_PEER, ERR_TIMEOUT, the signal's reason;
   * ERR_UNEXPECTED_END, ERR_MESSAGE_TOO_LARGE and what reset the channel come through.
   */
  secure(channel: Channel, options: SecureOptions): Promise<Secured>
}
