import type { IceCredentials } from './ice-credentials.ts'

/** What happens on a data channel. Calls are synchronous and in order; none may throw. */
export interface RtcChannelEvents {
  /** It may be sent on. Not called when that was so from the start. */
  onOpen(): void
  /** A binary message, which belongs to the reader. */
  onMessage(bytes: Uint8Array): void
  /** What the engine had queued has fallen to the low-water mark. */
  onLow(): void
  /** Closed by the remote, or lost with the connection; also for text, which no libp2p peer sends. Called once, last. */
  onClosed(): void
}

/** One ordered, reliable data channel of an engine. */
export interface RtcChannel {
  readonly id: number
  readonly label: string
  /** The subprotocol that the opener named. */
  readonly protocol: string
  readonly isOpen: boolean
  /** Bytes that `send` took and the engine still holds. */
  readonly bufferedAmount: number
  /** Whoever is attached last gets the events. */
  attach(events: RtcChannelEvents): void
  /** Copies the bytes. Returns whether they left the engine's queue at once, as far as it tells. Throws when closed. */
  send(bytes: Uint8Array): boolean
  /** What was sent before still leaves. Idempotent. */
  close(): void
}

/** A candidate as browsers write it in JSON. */
export interface IceCandidate {
  readonly candidate: string
  readonly sdpMid?: string | null
  readonly sdpMLineIndex?: number | null
  readonly usernameFragment?: string | null
}

/** What happens on a peer connection. None may throw. */
export interface RtcLinkEvents {
  /** The remote opened a channel. Without `attach` before this returns, its messages may be lost. */
  onChannel(channel: RtcChannel): void
  onConnected(): void
  /** A way to reach us that was found; undefined when there will be no more. */
  onCandidate?(candidate: IceCandidate | undefined): void
  /** Closed by the remote, failed, or closed by us. Called once, last. */
  onClosed(error?: Error): void
}

export interface RtcChannelInit {
  readonly label?: string
  readonly protocol?: string
  /** An id that both sides agreed on before. */
  readonly negotiatedId?: number
}

/** One peer connection of an engine. */
export interface RtcLink {
  /** Throws ERR_LIMIT when there are no ids left, ERR_CONNECTION_CLOSED. */
  createChannel(init: RtcChannelInit): RtcChannel
  /** Describes us, with these credentials when given, and starts to look for ways to reach us. Gives the SDP. */
  describe(type: 'offer' | 'answer', credentials?: IceCredentials): Promise<string>
  setRemote(type: 'offer' | 'answer', sdp: string): Promise<void>
  addCandidate(candidate: IceCandidate): Promise<void>
  /** SHA-256 digest of the certificate that the remote has shown, where the engine tells. */
  remoteFingerprint(): Uint8Array | undefined
  /** The remote's end of the path in use, where the engine tells. */
  remoteEndpoint(): Promise<RtcEndpoint | undefined>
  close(): void
}

export interface RtcEndpoint {
  readonly host: string
  readonly port: number
}

/** A STUN or TURN server, as in RTCIceServer. */
export interface IceServer {
  /** `stun:host:port`, `turn:host:port`. */
  readonly urls: string | readonly string[]
  readonly username?: string
  readonly credential?: string
}

export interface RtcLinkOptions {
  readonly iceServers?: readonly IceServer[]
  /** Serve the link on this port, which a listener of ours holds. Node only. */
  readonly serve?: {
    readonly port: number
    readonly bindAddress: string
    readonly certificatePem: string
    readonly privateKeyPem: string
  }
}

/**
 * The last id that engines have in common. A channel with it is on either side of a link, sends nothing and needs no consent of
 * the remote, and is for what engines do not tell otherwise: that channels may be opened now, that the link is gone.
 */
export const gateId = 1023

/** Makes peer connections: node-datachannel in Node, RTCPeerConnection in browsers. */
export interface RtcEngine {
  /** Rejects with ERR_MISSING_MODULE where there is no WebRTC. */
  createLink(options: RtcLinkOptions, events: RtcLinkEvents): Promise<RtcLink>
}
