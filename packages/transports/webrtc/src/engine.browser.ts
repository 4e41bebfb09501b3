import { PeerloomError, toError } from '@peerloom/interface'
import {
  gateId,
  type IceCandidate,
  type RtcChannel,
  type RtcChannelEvents,
  type RtcChannelInit,
  type RtcEndpoint,
  type RtcEngine,
  type RtcLink,
  type RtcLinkEvents
} from './engine-interface.ts'
import type { IceCredentials } from './ice-credentials.ts'

/** What the browser tells us of when it holds less. */
const lowWaterBytes = 64 * 1024

/** RTCPeerConnection, which pages have and workers have not. */
export const engine: RtcEngine = {
  async createLink(options, events) {
    if (typeof RTCPeerConnection === 'undefined') {
      throw new PeerloomError(
        'ERR_MISSING_MODULE',
        'there is no RTCPeerConnection here: WebRTC is made in a page, not in a worker'
      )
    }
    const iceServers = (options.iceServers ?? []).map((server) => ({
      ...server,
      urls: typeof server.urls === 'string' ? server.urls : [...server.urls]
    }))
    return new BrowserLink(new RTCPeerConnection({ iceServers }), events)
  }
}

class BrowserLink implements RtcLink {
  readonly #connection: RTCPeerConnection
  readonly #events: RtcLinkEvents
  readonly #gate: RTCDataChannel
  #connected = false
  #closed = false

  constructor(connection: RTCPeerConnection, events: RtcLinkEvents) {
    this.#connection = connection
    this.#events = events
    this.#gate = this.#makeGate()
    connection.ondatachannel = ({ channel }) => events.onChannel(new BrowserChannel(channel))
    connection.onconnectionstatechange = () => this.#onState()
    connection.onicecandidate = ({ candidate }) => {
      if (this.#closed) return
      events.onCandidate?.(candidate === null || candidate.candidate === '' ? undefined : toPlain(candidate))
    }
  }

  createChannel({ label = '', protocol = '', negotiatedId }: RtcChannelInit): RtcChannel {
    if (this.#closed) throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the WebRTC connection is closed')
    try {
      const init = negotiatedId === undefined ? { protocol } : { protocol, negotiated: true, id: negotiatedId }
      return new BrowserChannel(this.#connection.createDataChannel(label, init))
    } catch (cause) {
      throw new PeerloomError('ERR_LIMIT', `the browser opens no more data channels: ${toError(cause).message}`, {
        cause
      })
    }
  }

  async describe(type: 'offer' | 'answer', credentials?: IceCredentials): Promise<string> {
    const connection = this.#connection
    const description = type === 'offer' ? await connection.createOffer() : await connection.createAnswer()
    if (credentials !== undefined) {
      description.sdp = (description.sdp ?? '')
        .replace(/^(a=ice-ufrag:)[^\r\n]*/gm, `$1${credentials.ufrag}`)
        .replace(/^(a=ice-pwd:)[^\r\n]*/gm, `$1${credentials.pwd}`)
    }
    await connection.setLocalDescription(description)
    return connection.localDescription?.sdp ?? ''
  }

  async setRemote(type: 'offer' | 'answer', sdp: string): Promise<void> {
    await this.#connection.setRemoteDescription({ type, sdp })
  }

  async addCandidate(candidate: IceCandidate): Promise<void> {
    await this.#connection.addIceCandidate(candidate)
  }

  /** The browser has checked it against the description. */
  remoteFingerprint(): Uint8Array | undefined {
    return undefined
  }

  async remoteEndpoint(): Promise<RtcEndpoint | undefined> {
    const remote = this.#connection.sctp?.transport.iceTransport.getSelectedCandidatePair?.()?.remote
    // Chromium has IPv6 addresses in brackets, and browsers may keep addresses to themselves behind a name.
    const host = (remote?.address ?? '').replace(/^\[(.*)\]$/, '$1')
    const port = remote?.port ?? 0
    return /^[\d.]+$|:/.test(host) && port > 0 ? { host, port } : undefined
  }

  close(): void {
    if (!this.#closed) this.#over(undefined)
  }

  /**
   * When SCTP is at its end, which is all that node-datachannel sees to it that we hear of, nothing tells but the channels:
   * nobody else closes this one.
   */
  #makeGate(): RTCDataChannel {
    const gate = this.#connection.createDataChannel('', { negotiated: true, id: gateId })
    // One that never opens is too many for the remote.
    gate.onopen = () => {
      gate.onclose = () => {
        if (!this.#closed) this.#over(lost())
      }
    }
    return gate
  }

  #onState(): void {
    if (this.#closed) return
    switch (this.#connection.connectionState) {
      case 'connected': {
        if (this.#connected) return
        this.#connected = true
        // The remote's good-bye shows here at once, if it says one in DTLS; ICE takes half a minute to notice that nobody is
        // there.
        const dtls = this.#connection.sctp?.transport
        if (dtls !== undefined) dtls.onstatechange = () => this.#onDtlsState(dtls)
        this.#events.onConnected()
        break
      }
      case 'failed':
        this.#over(new PeerloomError('ERR_ADDRESS_UNREACHABLE', 'WebRTC found no way to the remote'))
        break
      case 'closed':
        this.#over(lost())
        break
      default:
    }
  }

  #onDtlsState({ state }: RTCDtlsTransport): void {
    if (!this.#closed && (state === 'closed' || state === 'failed')) this.#over(lost())
  }

  #over(error: Error | undefined): void {
    this.#closed = true
    const connection = this.#connection
    connection.ondatachannel = null
    connection.onconnectionstatechange = null
    connection.onicecandidate = null
    this.#gate.onclose = null
    connection.close()
    this.#events.onClosed(error)
  }
}

const lost = (): PeerloomError =>
  new PeerloomError('ERR_CONNECTION_CLOSED', 'the WebRTC connection was lost', { remote: true })

const toPlain = ({ candidate, sdpMid, sdpMLineIndex, usernameFragment }: RTCIceCandidate): IceCandidate => ({
  candidate,
  sdpMid,
  sdpMLineIndex,
  usernameFragment
})

class BrowserChannel implements RtcChannel {
  readonly label: string
  readonly protocol: string
  readonly #channel: RTCDataChannel
  #events: RtcChannelEvents | undefined = undefined
  #closed = false

  constructor(channel: RTCDataChannel) {
    this.#channel = channel
    this.label = channel.label
    this.protocol = channel.protocol
    channel.binaryType = 'arraybuffer'
    channel.bufferedAmountLowThreshold = lowWaterBytes
    channel.onopen = () => this.#events?.onOpen()
    channel.onmessage = ({ data }) => this.#onMessage(data)
    channel.onbufferedamountlow = () => this.#events?.onLow()
    channel.onclose = () => this.#onClosed()
  }

  get id(): number {
    return this.#channel.id ?? -1
  }

  get isOpen(): boolean {
    return !this.#closed && this.#channel.readyState === 'open'
  }

  get bufferedAmount(): number {
    return this.#closed ? 0 : this.#channel.bufferedAmount
  }

  attach(events: RtcChannelEvents): void {
    this.#events = events
  }

  send(bytes: Uint8Array): boolean {
    this.#channel.send(bytes as Uint8Array<ArrayBuffer>)
    return false
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#channel.close()
    this.#release()
  }

  #onMessage(data: unknown): void {
    if (this.#closed) return
    if (data instanceof ArrayBuffer) this.#events?.onMessage(new Uint8Array(data))
    else {
      this.close()
      this.#events?.onClosed()
    }
  }

  #onClosed(): void {
    if (this.#closed) return
    this.#closed = true
    this.#release()
    this.#events?.onClosed()
  }

  #release(): void {
    this.#channel.onopen = null
    this.#channel.onmessage = null
    this.#channel.onbufferedamountlow = null
    this.#channel.onclose = null
  }
}
