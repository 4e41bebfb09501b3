import { type RTCDataChannel, RTCPeerConnection } from 'werift'
import type {
  RtcChannel,
  RtcChannelEvents,
  RtcChannelInit,
  RtcEngine,
  RtcLink,
  RtcLinkEvents
} from '../src/engine-interface.ts'

/** A WebRTC stack that shares nothing with the one we use: written in TypeScript, with ICE, DTLS and SCTP of its own. */
export function weriftEngine(role: 'direct' | 'private'): RtcEngine {
  return { createLink: async (_options, events) => new WeriftLink(events, role) }
}

class WeriftLink implements RtcLink {
  readonly #connection = new RTCPeerConnection({
    iceServers: [],
    iceAdditionalHostAddresses: ['127.0.0.1'],
    iceUseTcp: false
  })
  readonly #events: RtcLinkEvents
  #closed = false

  constructor(events: RtcLinkEvents, role: 'direct' | 'private') {
    this.#events = events
    const connection = this.#connection
    connection.onDataChannel.subscribe((channel) => events.onChannel(new WeriftChannel(channel)))
    connection.connectionStateChange.subscribe((state) => {
      if (state === 'connected') {
        // It numbers its channels by its role in ICE, where RFC 8832 has the role in DTLS: here the two differ.
        const sctp = connection.sctpTransport as unknown as { dataChannelId: number }
        if (role === 'direct') sctp.dataChannelId = 2
        events.onConnected()
      } else if (state === 'closed' || state === 'failed' || state === 'disconnected') this.close()
    })
    connection.onIceCandidate.subscribe((candidate) => {
      events.onCandidate?.(
        candidate === undefined ? undefined : { candidate: candidate.candidate, sdpMid: '0', sdpMLineIndex: 0 }
      )
    })
  }

  createChannel({ label = '', protocol = '', negotiatedId }: RtcChannelInit): RtcChannel {
    const init = negotiatedId === undefined ? { protocol } : { protocol, negotiated: true, id: negotiatedId }
    return new WeriftChannel(this.#connection.createDataChannel(label, init))
  }

  async describe(type: 'offer' | 'answer'): Promise<string> {
    const connection = this.#connection
    await connection.setLocalDescription(
      type === 'offer' ? await connection.createOffer() : await connection.createAnswer()
    )
    return connection.localDescription?.sdp ?? ''
  }

  async setRemote(type: 'offer' | 'answer', sdp: string): Promise<void> {
    await this.#connection.setRemoteDescription({ type, sdp })
  }

  async addCandidate(candidate: { readonly candidate: string }): Promise<void> {
    await this.#connection.addIceCandidate({ candidate: candidate.candidate, sdpMid: '0', sdpMLineIndex: 0 })
  }

  remoteFingerprint(): undefined {
    return undefined
  }

  remoteEndpoint(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    void this.#connection.close()
    this.#events.onClosed()
  }
}

class WeriftChannel implements RtcChannel {
  readonly #channel: RTCDataChannel
  #events: RtcChannelEvents | undefined

  constructor(channel: RTCDataChannel) {
    this.#channel = channel
    channel.bufferedAmountLowThreshold = 64 * 1024
    channel.onMessage.subscribe((data) => this.#events?.onMessage(new Uint8Array(data as Buffer)))
    channel.bufferedAmountLow.subscribe(() => this.#events?.onLow())
    channel.stateChange.subscribe((state) => {
      if (state === 'open') this.#events?.onOpen()
      else if (state === 'closed') this.#events?.onClosed()
    })
  }

  get id(): number {
    return this.#channel.id
  }

  get label(): string {
    return this.#channel.label
  }

  get protocol(): string {
    return this.#channel.protocol
  }

  get isOpen(): boolean {
    return this.#channel.readyState === 'open'
  }

  get bufferedAmount(): number {
    return this.#channel.bufferedAmount
  }

  attach(events: RtcChannelEvents): void {
    this.#events = events
  }

  send(bytes: Uint8Array): boolean {
    this.#channel.send(Buffer.from(bytes))
    return false
  }

  close(): void {
    this.#channel.close()
  }
}
