import { type Clock, PeerloomError, type Timer, toError } from '@peerloom/interface'
import { endOfTurn, type Flushable } from '@peerloom/streams'
import type { EngineConnection, EngineConnectionEvents, EngineStream } from '../engine.ts'
import type { DatagramPort, UdpAddress } from '../udp.ts'
import type { HostPort, Quiche } from './binding.ts'
import { packetBytesTo } from './config.ts'
import { packetsOf } from './packet.ts'
import { QuicheStream, type QuicheStreamHost } from './stream.ts'
import { StreamEnds } from './stream-ends.ts'

/** Packets are written into slabs of this size, which belong to the port with what is in them. */
const slabBytes = 64 * 1024
/** Bytes sent in one turn: a window's worth at once is more than the socket at the other end keeps. */
const maxBurstBytes = 96 * 1024
/** What a round trip takes on top: delayed acknowledgements, and the probe that replaces a lost packet. */
const quietMarginMs = 40
const deliveryTimeoutMs = 5000
/** Rounds without all being acknowledged: more are a transfer, in which the first loss may come at any time. */
const maxQuietRounds = 4
/** When the next thing that quiche waits for is further away than any repetition, it waits for no acknowledgement. */
const beyondRepetitionMs = 3000
const nothing = new Uint8Array(0)
/** Where bytes go to that nobody wants. */
const discarded = new Uint8Array(4096)
/** Error codes of applications that mean none: libp2p's, and H3_NO_ERROR (RFC 9114 section 8.1). */
const orderly: readonly number[] = [0, 0x100]

/** What a connection needs of its endpoint. */
export interface QuicheConnectionHost {
  readonly port: DatagramPort
  readonly clock: Clock
  /** The handshake is over, as far as quiche is concerned; false when nobody wants the connection. */
  established(connection: QuicheConnection): void
  /** It is over for whoever used it. What this gives, when something, is part of closing it. */
  over(connection: QuicheConnection): Promise<void> | undefined
  /** Late packets have had their time: nothing of it is left. */
  closed(connection: QuicheConnection): void
}

/** Unidirectional streams and datagrams, for those who speak HTTP/3 on a connection. */
export interface QuicheExtras {
  /** With which streams are reset. */
  readonly resetCode: number
  uniStream(stream: QuicheStream): void
  datagram(bytes: Uint8Array): void
}

/** Drives one quiche connection: datagrams and time in; datagrams, streams and timers out. */
export class QuicheConnection implements EngineConnection, QuicheStreamHost, Flushable {
  readonly quiche: Quiche
  readonly remote: UdpAddress
  readonly isServer: boolean
  /** The id that packets for it carry, as a key. */
  readonly key: string
  readonly #host: QuicheConnectionHost
  readonly #info: { from: HostPort; to: HostPort }
  readonly #streams = new Map<number, QuicheStream>()
  readonly #blocked = new Set<QuicheStream>()
  readonly #ends: StreamEnds
  #sendRound = 0
  /** What was sent before this round has been acknowledged. */
  #acknowledgedRound = 0
  readonly #keepAliveMs: number
  readonly #packetBytes: number
  /** Streams that wait until the remote allows more. */
  #opening: { resolve(stream: EngineStream): void; reject(error: Error): void }[] = []
  #events: EngineConnectionEvents | undefined = undefined
  #extras: QuicheExtras | undefined = undefined
  #nextBidi: number
  #nextUni: number
  #nextRemoteBidi: number
  #nextRemoteUni: number
  /** Made with the first packet. */
  #slab = nothing
  #slabUsed = 0
  #scheduled = false
  #established = false
  #closing = false
  /** No more streams: their end has been told. */
  #over = false
  #gone = false
  #overWaiters: (() => void)[] = []
  #freed: Promise<void> | undefined = undefined
  #timer: Timer | undefined = undefined
  #timerAt = Infinity
  #lastSent: number
  /** The packet with which we have ended it. */
  #goodBye: Uint8Array | undefined = undefined
  /** Datagrams that came after it. */
  #heardSince = 0

  constructor(
    quiche: Quiche,
    host: QuicheConnectionHost,
    options: {
      readonly isServer: boolean
      readonly key: string
      readonly remote: UdpAddress
      readonly keepAliveMs: number
    }
  ) {
    this.quiche = quiche
    this.#ends = new StreamEnds(quiche)
    this.#host = host
    this.isServer = options.isServer
    this.key = options.key
    this.remote = options.remote
    this.#keepAliveMs = options.keepAliveMs
    this.#packetBytes = packetBytesTo(options.remote.host)
    this.#info = { from: { ...options.remote }, to: { ...host.port.local } }
    this.#lastSent = host.clock.now()
    // Ids (RFC 9000 section 2.1): the lowest bit is the server's, the next one means unidirectional.
    const ours = options.isServer ? 1 : 0
    this.#nextBidi = ours
    this.#nextUni = ours | 2
    this.#nextRemoteBidi = 1 - ours
    this.#nextRemoteUni = (1 - ours) | 2
  }

  get local(): UdpAddress {
    return this.#host.port.local
  }

  get isEstablished(): boolean {
    return this.#established
  }

  get sendRound(): number {
    return this.#sendRound
  }

  get now(): number {
    return this.#host.clock.now()
  }

  get resetCode(): number {
    return this.#extras?.resetCode ?? 0
  }

  get rttMs(): number | undefined {
    // In ms, whole ones.
    return this.#gone ? undefined : this.#activePath?.rtt
  }

  get #activePath(): { readonly rtt: number; readonly lost: number } | undefined {
    return this.quiche.pathStats().find(({ active }) => active)
  }

  /** Why it is over; undefined for an orderly end. */
  get failure(): PeerloomError | undefined {
    const { quiche } = this
    if (quiche.isTimedOut()) {
      return new PeerloomError('ERR_TIMEOUT', 'the remote does not answer any more', { remote: true })
    }
    const remote = quiche.peerError()
    const error = remote ?? quiche.localError()
    if (error === null || (error.isApp && orderly.includes(error.errorCode))) return undefined
    const reason = new TextDecoder().decode(error.reason.subarray(0, 200))
    const what = `${error.isApp ? 'application' : 'transport'} error ${error.errorCode}${reason === '' ? '' : `: ${reason}`}`
    // Section 20.1: TLS alerts from 0x100 on.
    const isTls = !error.isApp && error.errorCode >= 0x100 && error.errorCode <= 0x1ff
    return new PeerloomError(isTls ? 'ERR_SECURITY' : 'ERR_CONNECTION_CLOSED', `the connection was lost: ${what}`, {
      remote: remote !== null
    })
  }

  // What the muxer calls.

  start(events: EngineConnectionEvents): void {
    this.#events = events
    this.markDirty()
  }

  /** Before `start`, by those who speak HTTP/3. */
  handleExtras(extras: QuicheExtras): void {
    this.#extras = extras
  }

  open(): Promise<EngineStream> {
    return new Promise((resolve, reject) => {
      this.#opening.push({ resolve, reject })
      this.#openWaiting()
    })
  }

  /** Undefined when the remote allows none. */
  openUni(): QuicheStream | undefined {
    const stream = this.#tryOpen(this.#nextUni)
    if (stream !== undefined) this.#nextUni += 4
    return stream
  }

  async close(): Promise<void> {
    if (!this.#closing && !this.#over) {
      this.#closing = true
      await this.#delivered()
    }
    this.abort()
    if (!this.#over) await new Promise<void>((resolve) => this.#overWaiters.push(resolve))
    await this.#freed
  }

  abort(): void {
    this.refuse(0, true)
  }

  /** Ends it at once with an error code, of the application's or of QUIC's own. */
  refuse(code: number, isApplication: boolean): void {
    this.#closing = true
    try {
      this.quiche.close(isApplication, code, nothing)
    } catch {
      // It is closed already.
    }
    this.flush()
  }

  // What streams call.

  markDirty(): void {
    if (this.#scheduled || this.#gone) return
    this.#scheduled = true
    endOfTurn(this)
  }

  setBlocked(stream: QuicheStream, blocked: boolean): void {
    if (blocked) this.#blocked.add(stream)
    else this.#blocked.delete(stream)
  }

  finishLater(stream: QuicheStream): void {
    this.#ends.add(stream)
  }

  forget(stream: QuicheStream): void {
    this.#streams.delete(stream.streamId)
  }

  // What the endpoint calls.

  receive(datagram: Uint8Array): void {
    if (this.#gone) return
    if (this.#goodBye !== undefined) {
      this.#repeatGoodBye(this.#goodBye)
      return
    }
    // Quiche drops what follows a packet that it has no keys for any more, such as the handshake's half of a good-bye that the
    // other side says before it knows that the handshake is confirmed (section 10.2.3): each packet is given alone.
    const isShort = ((datagram[0] as number) & 0x80) === 0
    for (const packet of isShort ? [datagram] : packetsOf(datagram)) this.#receivePacket(packet)
    this.markDirty()
  }

  #receivePacket(packet: Uint8Array): void {
    try {
      this.quiche.recv(packet, this.#info)
    } catch {
      // Forged or broken packets; when it is more, the connection is closed.
    }
  }

  /** The remote has missed it, or not seen it yet: said again, ever less often (section 10.2.1). */
  #repeatGoodBye(goodBye: Uint8Array): void {
    this.#heardSince++
    if ((this.#heardSince & (this.#heardSince - 1)) === 0) this.#host.port.send(goodBye, this.remote)
  }

  /** Its port is given up: nobody is left to answer late packets for. */
  discard(): void {
    this.#gone = true
    this.#host.clock.clearTimeout(this.#timer)
  }

  /** Everything that came of the datagrams, calls and timers of this turn. */
  flush(): void {
    this.#scheduled = false
    if (this.#gone) return
    const { quiche } = this
    if ((quiche.timeout() ?? Infinity) > beyondRepetitionMs) this.#acknowledgedRound = this.#sendRound
    if (!this.#established && quiche.isEstablished()) {
      this.#established = true
      this.#host.established(this)
    }
    if (this.#events !== undefined && !this.#over) {
      this.#read()
      if (this.#opening.length > 0) this.#openWaiting()
      for (const stream of this.#blocked) stream.pump()
    }
    const again = this.#ends.isEmpty ? [] : this.#writeEnds()
    this.#send()
    if (again.length > 0) {
      for (const stream of again) stream.sendEnd()
      this.#send()
    }
    if (quiche.isClosed()) this.#end()
    else {
      if (quiche.isDraining() || this.#isLocallyClosed) this.#tellOver()
      if (!this.#gone) this.#schedule()
    }
  }

  get #isLocallyClosed(): boolean {
    return this.#closing && this.quiche.localError() !== null
  }

  #read(): void {
    const { quiche } = this
    for (const id of quiche.readable()) {
      let stream = this.#streams.get(id)
      if (stream === undefined && this.#isRemote(id)) {
        this.#accept(id)
        stream = this.#streams.get(id)
      }
      if (stream !== undefined) stream.read()
      else this.#discard(id)
      if (this.#over) return
    }
    if (this.#extras === undefined) return
    try {
      for (let bytes = quiche.dgramRecvVec(); bytes !== null; bytes = quiche.dgramRecvVec())
        this.#extras.datagram(bytes)
    } catch {
      // Not negotiated.
    }
  }

  #isRemote(id: number): boolean {
    return (id & 1) !== (this.isServer ? 1 : 0)
  }

  /** A stream of the remote's, and all with lower ids that did not come yet (section 2.1). */
  #accept(id: number): void {
    const isUni = (id & 2) !== 0
    for (;;) {
      const next = isUni ? this.#nextRemoteUni : this.#nextRemoteBidi
      if (next > id) return
      if (isUni) this.#nextRemoteUni += 4
      else this.#nextRemoteBidi += 4
      const stream = new QuicheStream(next, this)
      this.#streams.set(next, stream)
      if (!isUni) this.#events?.stream(stream)
      else if (this.#extras !== undefined) this.#extras.uniStream(stream)
      else stream.reset(() => {})
    }
  }

  /** What still comes on a stream that is given up. */
  #discard(id: number): void {
    try {
      while ((this.quiche.streamRecv(id, discarded)?.[0] ?? 0) > 0);
    } catch {
      // Reset.
    }
  }

  #openWaiting(): void {
    while (this.#opening.length > 0) {
      if (this.#over || this.#gone || this.#closing) {
        for (const { reject } of this.#opening.splice(0)) {
          reject(new PeerloomError('ERR_CONNECTION_CLOSED', 'the connection is closed'))
        }
        return
      }
      const stream = this.#tryOpen(this.#nextBidi)
      if (stream === undefined) return
      this.#nextBidi += 4
      this.#opening.shift()?.resolve(stream)
    }
  }

  #tryOpen(id: number): QuicheStream | undefined {
    try {
      // An empty send makes the stream, or fails when the remote allows none.
      this.quiche.streamSend(id, nothing, false)
    } catch {
      return undefined
    }
    const stream = new QuicheStream(id, this)
    this.#streams.set(id, stream)
    return stream
  }

  #send(): void {
    const { port, clock } = this.#host
    const packetBytes = this.#packetBytes
    let sent = 0
    for (;;) {
      if (sent >= maxBurstBytes || port.isFull) {
        this.markDirty()
        break
      }
      if (this.#slab.length - this.#slabUsed < packetBytes) {
        this.#slab = new Uint8Array(Buffer.allocUnsafeSlow(slabBytes).buffer)
        this.#slabUsed = 0
      }
      let result: [number, { to: HostPort }] | null
      try {
        result = this.quiche.send(this.#slab.subarray(this.#slabUsed, this.#slabUsed + packetBytes))
      } catch {
        break
      }
      if (result === null) break
      const [length] = result
      const packet = this.#slab.subarray(this.#slabUsed, this.#slabUsed + length)
      // Nobody migrates: every packet goes to the one address.
      port.send(packet, this.remote)
      if (this.#isLocallyClosed) this.#goodBye = packet
      this.#slabUsed += length
      sent += length
    }
    if (sent === 0) return
    this.#lastSent = clock.now()
    this.#sendRound++
  }

  #writeEnds(): readonly QuicheStream[] {
    return this.#ends.write({
      now: this.now,
      acknowledgedRound: this.#acknowledgedRound,
      quietMs: this.#quietMs(),
      isLossy: (this.#activePath?.lost ?? 0) > 0 || this.#sendRound - this.#acknowledgedRound > maxQuietRounds
    })
  }

  /** After so long, what was sent has arrived, or was lost and has been repeated. */
  #quietMs(): number {
    return 2 * (this.rttMs ?? 0) + quietMarginMs
  }

  /** One timer, set anew only when the next time is earlier than what it is set to. */
  #schedule(): void {
    const { clock } = this.#host
    const now = clock.now()
    const timeout = this.quiche.timeout()
    const keepAliveAt = this.#lastSent + this.#keepAliveMs
    const at = Math.min(
      timeout === null ? Infinity : now + timeout + 1,
      this.#established ? keepAliveAt : Infinity,
      this.#ends.isEmpty ? Infinity : this.#ends.nextAt(now, this.#quietMs())
    )
    if (at >= this.#timerAt || at === Infinity) return
    clock.clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = clock.setTimeout(this.#onTimer, at - now)
  }

  readonly #onTimer = (): void => {
    this.#timerAt = Infinity
    if (this.#gone) return
    const { quiche } = this
    if (quiche.timeout() === 0) quiche.onTimeout()
    if (this.#established && !this.#closing && this.#host.clock.now() - this.#lastSent >= this.#keepAliveMs) {
      try {
        quiche.sendAckEliciting()
      } catch {
        // It is closed.
      }
    }
    this.flush()
  }

  /** Quiche does not tell what was acknowledged: when nothing has left for longer than a loss takes to repair, all has arrived. */
  async #delivered(): Promise<void> {
    const { clock } = this.#host
    const started = clock.now()
    this.flush()
    let bytes = this.quiche.stats().sentBytes
    let since = this.#lastSent
    while (!this.#gone && !this.#over) {
      const now = clock.now()
      const isWritten = this.#blocked.size === 0 && this.#ends.isEmpty
      if ((isWritten && now - since >= this.#quietMs()) || now - started >= deliveryTimeoutMs) return
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, this.#quietMs() / 4))
      const sent = this.#gone ? bytes : this.quiche.stats().sentBytes
      if (sent !== bytes) since = clock.now()
      bytes = sent
    }
  }

  #tellOver(): void {
    if (this.#over) return
    this.#over = true
    const { failure } = this
    for (const stream of [...this.#streams.values()]) stream.connectionOver(failure)
    this.#openWaiting()
    this.#events?.closed(failure)
    this.#freed = this.#host.over(this)
    for (const resolve of this.#overWaiters.splice(0)) resolve()
  }

  #end(): void {
    if (this.#gone) return
    this.#tellOver()
    if (this.#gone) return
    this.discard()
    this.#host.closed(this)
  }
}

/** For errors of a handshake that never got to a connection. */
export const handshakeFailed = (cause: unknown): PeerloomError =>
  new PeerloomError('ERR_SECURITY', `the QUIC handshake failed: ${toError(cause).message}`, { cause, remote: true })
