import type { AbortOptions } from './abort.ts'
import type { Channel } from './channel.ts'
import type { PeerId, PublicKey } from './peer.ts'

export interface SecureOptions extends AbortOptions {
  readonly role: 'initiator' | 'responder'
  /** The peer that was dialled: any other fails with ERR_WRONG_PEER. */
  readonly expected?: PeerId | undefined
  /** Muxers we speak, preferred first, to agree on one inside the handshake. Empty: do not offer. */
  readonly muxers: readonly string[]
  /** What both ends must have said before (WebRTC: the fingerprints); a handshake over another one fails. */
  readonly prologue?: Uint8Array
  /** Responder: certificate hashes to vouch for, as multihashes (WebTransport). */
  readonly certHashes?: readonly Uint8Array[]
  /** Initiator: sees the certificate hashes that the responder vouches for, and throws to refuse it. */
  readonly verifyCertHashes?: (hashes: readonly Uint8Array[]) => void
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
   * False: the negotiation that chose it has to be over before `secure`, because it takes the socket itself. Default true:
   * its first message may ride along.
   */
  readonly optimistic?: boolean
  /**
   * On failure the channel below is aborted. Errors: ERR_SECURITY, ERR_WRONG_PEER, ERR_TIMEOUT, the signal's reason;
   * ERR_UNEXPECTED_END, ERR_MESSAGE_TOO_LARGE and what reset the channel come through.
   */
  secure(channel: Channel, options: SecureOptions): Promise<Secured>
}

/** Shuts a whole network off: what it does to a link comes before anything else is said on it (private networks). */
export interface ConnectionProtector {
  /** Names the network without betraying its key, in hex. */
  readonly fingerprint: string
  /** The link as members see it; owns the channel below. What others send must not come through. */
  protect(channel: Channel, options?: AbortOptions): Promise<Channel>
}
