import { PeerloomError, toError } from '@peerloom/interface'
import type nodeDataChannel from 'node-datachannel'
import type { DataChannel, PeerConnection } from 'node-datachannel'
import {
  gateId,
  type IceCandidate,
  type IceServer,
  type RtcChannel,
  type RtcChannelEvents,
  type RtcChannelInit,
  type RtcEndpoint,
  type RtcEngine,
  type RtcLink,
  type RtcLinkEvents,
  type RtcLinkOptions
} from './engine-interface.ts'
import { ChannelIds } from './channel-ids.ts'
import { parseFingerprint } from './fingerprint.ts'
import { maxReceivedBytes } from './frame.ts'
import { type IceCredentials, isIcePwd, isIceUfrag } from './ice-credentials.ts'
import { hasAddress } from './signal-message.ts'

export type NodeDataChannel = typeof nodeDataChannel

/** The ways to reach a remote that a session description names, and that there are no more. */
const candidateLines = /^a=(candidate:[^\r\n]*|end-of-candidates)\r?\n/gm
const maxCandidates = 64

/** What the engine tells us of when it holds less. */
const lowWaterBytes = 64 * 1024

/** Loads the native module, which is a peer dependency. */
export async function loadNodeDataChannel(): Promise<NodeDataChannel> {
  try {
    return (await import('node-datachannel')).default
  } catch (cause) {
    throw new PeerloomError('ERR_MISSING_MODULE', 'WebRTC needs node-datachannel: npm install node-datachannel', {
      cause
    })
  }
}

/**
 * node-datachannel behind checks of ours. Its native layer ends the process when it is given bad ICE credentials, keeps
 * the process alive for every data channel that was not closed, and forgets what nobody refers to: all of that ends here.
 */
export const engine: RtcEngine = {
  async createLink(options, events) {
    const native = await loadNodeDataChannel()
    return createNodeLink(native, options, events)
  }
}

/** As `createLink`, with the module at hand: a server answers its first packet in the same turn. */
export function createNodeLink(native: NodeDataChannel, options: RtcLinkOptions, events: RtcLinkEvents): RtcLink {
  const { serve } = options
  const connection = new native.PeerConnection('peerloom', {
    iceServers: (options.iceServers ?? []).flatMap(toNativeServers),
    disableAutoNegotiation: true,
    maxMessageSize: maxReceivedBytes,
    ...(serve === undefined
      ? {}
      : {
          enableIceUdpMux: true,
          portRangeBegin: serve.port,
          portRangeEnd: serve.port,
          bindAddress: serve.bindAddress,
          disableFingerprintVerification: true,
          certificatePemFile: serve.certificatePem,
          keyPemFile: serve.privateKeyPem
        })
  })
  return new NodeLink(connection, events)
}

/** The channels of a link. */
interface Channels {
  /** Each has to be closed for the process to end, and referred to until then. */
  readonly all: Set<NodeChannel>
  /** How many messages have come in. */
  messages: number
  /** Known when the link is up. */
  ids: ChannelIds | undefined
}

class NodeLink implements RtcLink {
  readonly #connection: PeerConnection
  readonly #events: RtcLinkEvents
  readonly #channels: Channels = { all: new Set(), messages: 0, ids: undefined }
  readonly #gate: NodeChannel
  #lost = false
  #closed = false

  constructor(connection: PeerConnection, events: RtcLinkEvents) {
    this.#connection = connection
    this.#events = events
    connection.onStateChange((state) => this.#onState(state))
    connection.onDataChannel((channel) => {
      if (this.#closed) new NodeChannel(channel, this.#channels).close()
      else events.onChannel(new NodeChannel(channel, this.#channels))
    })
    this.#gate = this.#makeGate()
    connection.onLocalCandidate((candidate, mid) => {
      if (!this.#closed)
        events.onCandidate?.({ candidate: candidate.replace(/^a=/, ''), sdpMid: mid, sdpMLineIndex: 0 })
    })
    connection.onGatheringStateChange((state) => {
      if (state === 'complete' && !this.#closed) events.onCandidate?.(undefined)
    })
  }

  createChannel({ label = '', protocol = '', negotiatedId }: RtcChannelInit): RtcChannel {
    if (this.#closed || this.#lost) {
      throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the WebRTC connection is closed')
    }
    try {
      const negotiated = negotiatedId !== undefined
      const id = negotiatedId ?? this.#channels.ids?.take()
      const init = { protocol, negotiated, ...(id === undefined ? {} : { id }) }
      return new NodeChannel(this.#connection.createDataChannel(label, init), this.#channels, !negotiated)
    } catch (cause) {
      throw new PeerloomError('ERR_LIMIT', `the engine opens no more data channels: ${toError(cause).message}`, {
        cause
      })
    }
  }

  async describe(type: 'offer' | 'answer', credentials?: IceCredentials): Promise<string> {
    if (credentials === undefined) this.#connection.setLocalDescription(type)
    else {
      const { ufrag, pwd } = credentials
      if (!isIceUfrag(ufrag) || !isIcePwd(pwd)) {
        throw new PeerloomError('ERR_INVALID_ARGUMENT', `not ICE credentials: ${JSON.stringify({ ufrag, pwd })}`)
      }
      this.#connection.setLocalDescription(type, { iceUfrag: ufrag, icePwd: pwd })
    }
    const description = this.#connection.localDescription()
    if (description === null) throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the WebRTC connection is closed')
    return description.sdp
  }

  /**
   * The engine starts to connect before it has taken note of the fingerprint, and takes whoever is faster than that for an
   * impostor: candidates come when it has.
   */
  async setRemote(type: 'offer' | 'answer', sdp: string): Promise<void> {
    checkCredentials(sdp)
    this.#connection.setRemoteDescription(sdp.replace(candidateLines, ''), type)
    const mid = /^a=mid:(\S+)/m.exec(sdp)?.[1] ?? '0'
    const candidates = [...sdp.matchAll(candidateLines)].slice(0, maxCandidates)
    for (const [, candidate] of candidates) {
      if (candidate?.startsWith('candidate:') === true) await this.addCandidate({ candidate, sdpMid: mid })
    }
  }

  async addCandidate(candidate: IceCandidate): Promise<void> {
    if (hasAddress(candidate)) this.#connection.addRemoteCandidate(candidate.candidate, candidate.sdpMid ?? '0')
  }

  remoteFingerprint(): Uint8Array | undefined {
    const { algorithm, value } = this.#connection.remoteFingerprint()
    return algorithm === 'sha-256' ? parseFingerprint(value) : undefined
  }

  async remoteEndpoint(): Promise<RtcEndpoint | undefined> {
    const remote = this.#closed ? undefined : this.#connection.getSelectedCandidatePair()?.remote
    return remote === undefined ? undefined : { host: remote.address, port: remote.port }
  }

  close(): void {
    if (this.#closed) return
    this.#over(undefined)
  }

  /**
   * The engine says that it is connected, and opens the channels that wait for it a moment later: one that is made in
   * between is opened twice, and the remote closes it for that. The gate is one of those that wait.
   */
  #makeGate(): NodeChannel {
    const gate = new NodeChannel(
      this.#connection.createDataChannel('', { negotiated: true, id: gateId }),
      this.#channels
    )
    gate.attach({
      onOpen: () => {
        if (this.#closed || this.#lost) return
        this.#channels.ids = this.#makeIds()
        this.#events.onConnected()
      },
      onMessage: () => {},
      onLow: () => {},
      onClosed: () => {}
    })
    return gate
  }

  #makeIds(): ChannelIds {
    const connection = this.#connection
    const offered = connection.localDescription()?.type === 'offer'
    const answer = offered ? connection.remoteDescription() : connection.localDescription()
    // Who answers with `active` is the client (RFC 8842, section 5.3).
    const client = (answer?.sdp.includes('a=setup:active') === true) !== offered
    const taken = [...this.#channels.all].map(({ id }) => id)
    return new ChannelIds(client, Math.min(gateId, connection.maxDataChannelId() + 1), taken)
  }

  #onState(state: string): void {
    if (this.#closed || this.#lost) return
    if (state === 'failed') {
      this.#lose(new PeerloomError('ERR_ADDRESS_UNREACHABLE', 'WebRTC found no way to the remote'))
    } else if (state === 'disconnected' || state === 'closed') {
      this.#lose(new PeerloomError('ERR_CONNECTION_CLOSED', 'the WebRTC connection was lost', { remote: true }))
    }
  }

  /**
   * Every channel has a queue of its own through which the engine's threads tell us of messages, and the state has another:
   * what the remote said last may come behind the news that it is gone, so we wait for a turn that brings nothing more.
   */
  #lose(error: Error): void {
    this.#lost = true
    let seen = -1
    const look = (): void => {
      if (this.#closed) return
      const { messages } = this.#channels
      if (messages === seen) {
        this.#over(error)
        return
      }
      seen = messages
      setImmediate(look)
    }
    // The first turn may have begun before.
    setImmediate(look)
  }

  #over(error: Error | undefined): void {
    this.#closed = true
    for (const channel of [...this.#channels.all]) if (channel !== this.#gate) channel.close()
    // Browsers take the end of this one for the end of the link.
    this.#gate.close()
    this.#connection.close()
    this.#events.onClosed(error)
  }
}

/** The same rules as for our own: a session description of a remote comes this far unchecked. */
function checkCredentials(sdp: string): void {
  for (const [, name, value = ''] of sdp.matchAll(/^a=ice-(ufrag|pwd):(.*?)\r?$/gm)) {
    if (!(name === 'ufrag' ? isIceUfrag(value) : isIcePwd(value))) {
      throw new PeerloomError('ERR_DECODE', `a session description with a bad ICE ${name}`, { remote: true })
    }
  }
}

class NodeChannel implements RtcChannel {
  readonly id: number
  readonly label: string
  readonly protocol: string
  readonly #native: DataChannel
  readonly #channels: Channels
  #events: RtcChannelEvents | undefined = undefined
  #open: boolean
  readonly #ours: boolean
  #closed = false
  #closedByUs = false
  #watchesLow = false

  /** `ours`: with an id that we choose. */
  constructor(native: DataChannel, channels: Channels, ours = false) {
    this.#native = native
    this.#channels = channels
    this.#ours = ours
    this.id = native.getId()
    this.label = native.getLabel()
    this.protocol = native.getProtocol()
    channels.all.add(this)
    // Before `onClosed`: the event loop looks at the queues of callbacks in the order in which they were made.
    native.onMessage((message) => this.#onMessage(message))
    // Without this the native part of the channel would keep the process alive for ever.
    native.onClosed(() => this.#onClosed())
    this.#open = native.isOpen()
    if (!this.#open) native.onOpen(() => this.#onOpen())
  }

  get isOpen(): boolean {
    return this.#open && !this.#closed
  }

  get bufferedAmount(): number {
    return this.#closed ? 0 : this.#native.bufferedAmount()
  }

  attach(events: RtcChannelEvents): void {
    this.#events = events
  }

  send(bytes: Uint8Array): boolean {
    if (this.#closed) throw new PeerloomError('ERR_CHANNEL_CLOSED', 'the data channel is closed')
    const sent = this.#native.sendMessageBinary(bytes)
    // A callback of its own costs a handle in the event loop: only channels that have filled up get one.
    if (!sent && !this.#watchesLow) {
      this.#watchesLow = true
      this.#native.setBufferedAmountLowThreshold(lowWaterBytes)
      this.#native.onBufferedAmountLow(() => this.#events?.onLow())
    }
    return sent
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    // The engine never says that a channel is over that we close while one of its threads does so for the remote, and would
    // keep the process alive for it: what the remote has closed comes to its end without us.
    if (this.#open && !this.#native.isOpen()) return
    this.#closedByUs = true
    this.#native.close()
  }

  #onOpen(): void {
    this.#open = true
    if (!this.#closed) this.#events?.onOpen()
  }

  #onMessage(message: string | Buffer | ArrayBuffer): void {
    this.#channels.messages++
    if (this.#closed) return
    if (typeof message === 'string') {
      this.close()
      this.#events?.onClosed()
      return
    }
    this.#events?.onMessage(
      message instanceof ArrayBuffer
        ? new Uint8Array(message)
        : new Uint8Array(message.buffer, message.byteOffset, message.byteLength)
    )
  }

  #onClosed(): void {
    this.#channels.all.delete(this)
    // When it was us, the engine keeps the id until the remote has closed as well, and does not tell.
    if (this.#ours && !this.#closedByUs) this.#channels.ids?.free(this.id)
    if (this.#closed) return
    this.#closed = true
    this.#events?.onClosed()
  }
}

function toNativeServers(server: IceServer) {
  const urls = typeof server.urls === 'string' ? [server.urls] : server.urls
  return urls.map((url) => {
    const match = /^(stun|turn):(\[[0-9a-fA-F:]+\]|[^:?[\]]+)(?::(\d+))?(?:\?transport=udp)?$/.exec(url)
    if (match?.[2] === undefined) {
      throw new PeerloomError(
        'ERR_INVALID_ARGUMENT',
        `${url}: an ICE server is stun:host:port or turn:host:port, by UDP`
      )
    }
    const hostname = match[2].replace(/^\[|\]$/g, '')
    const port = Number(match[3] ?? 3478)
    if (match[1] === 'stun') return { hostname, port }
    const { username = '', credential = '' } = server
    return { hostname, port, username, password: credential, relayType: 'TurnUdp' as const }
  })
}
