import { TokenBucket } from '@peerloom/bounded'
import {
  type ChannelReader,
  type Connection,
  isPeerloomError,
  type NodeContext,
  type PeerId,
  PeerloomError,
  type Stream,
  type Timer,
  toError
} from '@peerloom/interface'
import { endOfTurn, type Flushable } from '@peerloom/streams'
import { type InboundHost, InboundStream } from './inbound-stream.ts'
import type { Router, RouterPeer } from './router.ts'
import type { Extensions, Rpc, SubscriptionChange } from './rpc.ts'
import { FrameGatherer } from './wire/frame-gatherer.ts'
import type { WireMessage } from './wire/wire-message.ts'
import type { WorkTurns } from './work-turns.ts'

export interface LinkLimits {
  /** Bound on opening a stream, in ms. Default 10,000. */
  readonly openTimeoutMs: number
  /** A peer that takes nothing for this long while something waits for it is given a new stream, in ms. Default 30,000. */
  readonly stallTimeoutMs: number
  /** The wait before a broken stream is opened again, doubled each time, in ms. Default 100. */
  readonly reopenFirstMs: number
  /** Its upper bound, in ms. Default 10,000. */
  readonly reopenLastMs: number
  /** Attempts to open a stream again that fail, or break within a minute, before the peer is left alone. Default 6. */
  readonly maxReopens: number
  /** Malformed or oversized RPCs before nothing more is taken from a peer, until it connects anew. Default 4. */
  readonly maxViolations: number
  /** Frames to a peer are filled up to this many bytes. Default 32,768: rust-libp2p reads 64 KiB. */
  readonly gatherBytes: number
  /** What peers send is worked on for this long in a turn of the event loop, in ms; then others get theirs. Default 5. */
  readonly turnMs: number
}

export const defaultLinkLimits: LinkLimits = {
  openTimeoutMs: 10_000,
  stallTimeoutMs: 30_000,
  reopenFirstMs: 100,
  reopenLastMs: 10_000,
  maxReopens: 6,
  maxViolations: 4,
  gatherBytes: 32 * 1024,
  turnMs: 5
}

/** A stream that held this long starts the count of failures anew. */
const stableMs = 60_000
/** Streams that a peer may open one after another: a burst, then one every 5 s. */
const inboundRate = { burst: 10, ratePerSecond: 0.2 }

/** What the links of a service share. */
export interface LinkHost {
  readonly node: NodeContext
  readonly limits: LinkLimits
  readonly maxRpcBytes: number
  readonly turns: WorkTurns
  readonly allowLimited: boolean
  readonly router: Router<WireMessage, PeerLink>
  /** Runs work on the router: now, or when the router is done with what it is in. */
  run(work: () => void): void
  decode(frame: Uint8Array): Rpc<WireMessage>
  receive(peer: RouterPeer<WireMessage, PeerLink>, rpc: Rpc<WireMessage>): void
  sent(bytes: number): void
  /** The peer is left alone, until it connects anew when it `isBanned`. */
  over(link: PeerLink, isBanned: boolean): void
}

/**
 * The two streams of a peer: ours, which empties its queue, and the peer's. The router knows the peer while ours is open, and
 * the peer's is read as long.
 */
export class PeerLink implements ChannelReader, Flushable, InboundHost {
  readonly transient = true
  readonly peerId: PeerId
  readonly name: string
  /** Topics of whose meshes the peer is a member: its connections are kept for them. */
  readonly meshes: Set<string> = new Set()
  readonly #host: LinkHost
  readonly #inboundBudget: TokenBucket
  readonly #gatherer: FrameGatherer
  #peer: RouterPeer<WireMessage, PeerLink> | undefined
  #outbound: Stream | undefined
  #inbound: InboundStream | undefined
  #opening: AbortController | undefined
  #reopen: Timer | undefined
  #stall: Timer | undefined
  #openedAt = 0
  #failures = 0
  #violations = 0
  #isFlushing = false
  #isOver = false
  /** What the peer has told on a stream that is still open, for a router that hears of the peer anew. */
  #subscriptions: readonly SubscriptionChange[] = []
  #extensions: Extensions | undefined
  /** The router has heard from the peer. */
  #hasTold = false

  constructor(peerId: PeerId, host: LinkHost) {
    this.peerId = peerId
    this.name = peerId.toString()
    this.#host = host
    this.#inboundBudget = new TokenBucket({ ...inboundRate, clock: host.node.clock })
    this.#gatherer = new FrameGatherer(host.limits.gatherBytes, (bytes) => {
      this.#outbound?.send(bytes)
      host.sent(bytes.length)
    })
  }

  get peer(): RouterPeer<WireMessage, PeerLink> | undefined {
    return this.#peer
  }

  /** Opens our stream, unless it is open or about to be. */
  open(): void {
    if (this.#isOver || this.#outbound !== undefined || this.#opening !== undefined || this.#reopen !== undefined)
      return
    const connection = this.#connection()
    if (connection === undefined) {
      this.leave(new PeerloomError('ERR_CONNECTION_CLOSED', 'pubsub: no connection to the peer is left'))
      return
    }
    const opening = new AbortController()
    this.#opening = opening
    this.#openStream(connection, opening.signal).then(
      (stream) => this.#opened(stream, connection),
      (error: unknown) => this.#failed(toError(error))
    )
  }

  /** A stream of the peer's, which takes the place of the one before. */
  accept(stream: Stream): void {
    if (this.#isOver || !this.#inboundBudget.take()) {
      stream.abort(new PeerloomError('ERR_LIMIT', 'pubsub: too many streams one after another', { remote: true }))
      return
    }
    const before = this.#inbound
    this.#inbound = new InboundStream(stream, this, this.#host.turns, this.#host.maxRpcBytes)
    this.#extensions = undefined
    before?.abort(new PeerloomError('ERR_CHANNEL_CLOSED', 'pubsub: the peer has opened another stream'))
    if (this.#peer === undefined) {
      this.open()
      return
    }
    this.#host.run(() => {
      if (this.#peer === undefined) return
      if (this.#hasTold) this.#host.router.restarted(this.#peer)
      this.#inbound?.read()
    })
  }

  /** Something waits for the peer. */
  wake(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    endOfTurn(this)
  }

  /** Sends what waits, while the stream takes it: what it does not take stays in the queue, where it is bounded. */
  flush(): void {
    this.#isFlushing = false
    const stream = this.#outbound
    const queue = this.#peer?.queue
    if (stream === undefined || queue === undefined) return
    let left = this.#host.limits.gatherBytes
    while (stream.writable) {
      const item = queue.shift()
      if (item === undefined) break
      this.#gatherer.add(item)
      // What is gathered counts for the stream only when it is sent.
      left -= item.bytes
      if (left > 0) continue
      this.#gatherer.flush()
      left = this.#host.limits.gatherBytes
    }
    this.#gatherer.flush()
    this.#watchForStall(stream, queue.length)
  }

  abort(error: Error): void {
    this.#outbound?.abort(error)
  }

  /** Ends both streams and forgets the peer. Idempotent. */
  leave(error: Error, isBanned = false): void {
    if (this.#isOver) return
    this.#isOver = true
    const { clock } = this.#host.node
    clock.clearTimeout(this.#reopen)
    clock.clearTimeout(this.#stall)
    this.#opening?.abort(error)
    this.#opening = undefined
    const outbound = this.#outbound
    this.#outbound = undefined
    outbound?.attach(undefined)
    if (isBanned) outbound?.abort(error)
    else outbound?.close().catch(() => {})
    this.#inbound?.abort(error)
    this.#inbound = undefined
    this.#forgetPeer()
    this.#host.over(this, isBanned)
  }

  inspect(): object {
    const { bytes = 0, length = 0, dropped = 0 } = this.#peer?.queue ?? {}
    return {
      peer: this.name,
      protocol: this.#peer?.protocol,
      reads: this.#inbound !== undefined,
      failures: this.#failures,
      queue: { bytes, length, dropped }
    }
  }

  // Our stream, as its reader.

  /** Peers answer on a stream of their own: what comes here is nothing. */
  data(): void {}

  drain(): void {
    this.#host.node.clock.clearTimeout(this.#stall)
    this.#stall = undefined
    this.flush()
  }

  /** The peer may end its direction, which it does not use. */
  end(): void {}

  closed(error?: Error): void {
    this.#outbound = undefined
    this.#host.node.clock.clearTimeout(this.#stall)
    this.#stall = undefined
    // The router may be at work further up the stack.
    queueMicrotask(() => this.#lost(error))
  }

  // The peer's stream.

  onFrame(frame: Uint8Array, stream: InboundStream): void {
    if (stream !== this.#inbound || this.#peer === undefined) return
    const rpc = this.#host.decode(frame)
    if (!stream.hasBegun) {
      stream.hasBegun = true
      this.#extensions = rpc.control?.extensions
    }
    this.#hasTold = true
    this.#host.receive(this.#peer, rpc)
  }

  onViolation(error: Error): void {
    if (++this.#violations >= this.#host.limits.maxViolations) queueMicrotask(() => this.leave(error, true))
  }

  onEnd(stream: InboundStream): void {
    if (stream === this.#inbound) this.#inbound = undefined
  }

  #connection(): Connection | undefined {
    const open = this.#host.node.connections.list(this.peerId).filter(({ status }) => status === 'open')
    return open.findLast(({ limits }) => limits === undefined) ?? (this.#host.allowLimited ? open.at(-1) : undefined)
  }

  #openStream(connection: Connection, signal: AbortSignal): Promise<Stream> {
    const { node, router, limits, allowLimited } = this.#host
    const spoken = node.peers.get(this.peerId)?.protocols ?? []
    const known = router.protocols.find((protocol) => spoken.includes(protocol))
    return connection.openStream(known ?? router.protocols, {
      timeoutMs: limits.openTimeoutMs,
      signal,
      allowLimited,
      // A peer that is only asked whether it speaks pubsub is not to be sent anything before it says so.
      optimistic: known !== undefined
    })
  }

  #opened(stream: Stream, connection: Connection): void {
    if (this.#isOver) {
      stream.abort(new PeerloomError('ERR_ABORTED', 'pubsub: the stream is not needed any more'))
      return
    }
    this.#opening = undefined
    this.#outbound = stream
    const { node, router } = this.#host
    this.#openedAt = node.clock.now()
    this.#host.run(() => {
      if (this.#isOver) return
      this.#peer = router.addPeer({
        id: this.name,
        handle: this,
        protocol: stream.protocol,
        outbound: connection.direction === 'outbound',
        ips: this.#ips()
      })
      this.#tellAgain(this.#peer)
      stream.attach(this)
      this.wake()
      this.#inbound?.read()
    })
  }

  /** A peer that we opened a new stream to does not tell again what it told on its own. */
  #tellAgain(peer: RouterPeer<WireMessage, PeerLink>): void {
    if (this.#inbound?.hasBegun !== true) return
    const subscriptions = this.#subscriptions
    const extensions = this.#extensions
    this.#hasTold = true
    this.#host.receive(peer, extensions === undefined ? { subscriptions } : { subscriptions, control: { extensions } })
  }

  #failed(error: Error): void {
    if (this.#isOver) return
    this.#opening = undefined
    this.#openAgain(error)
  }

  #lost(error: Error | undefined): void {
    if (this.#isOver || this.#outbound !== undefined) return
    this.#inbound?.pause()
    this.#subscriptions = this.#peer?.subscriptions() ?? []
    this.#forgetPeer()
    if (this.#host.node.clock.now() - this.#openedAt >= stableMs) this.#failures = 0
    this.#openAgain(error ?? new PeerloomError('ERR_CHANNEL_CLOSED', 'pubsub: the peer closed our stream'))
  }

  #openAgain(error: Error): void {
    const { reopenFirstMs, reopenLastMs, maxReopens } = this.#host.limits
    const log = this.#host.node.log('pubsub')
    if (log.enabled) log.debug('our stream to %s is lost', this.name, error)
    if (isPeerloomError(error, 'ERR_UNSUPPORTED_PROTOCOL') || ++this.#failures > maxReopens) {
      this.leave(error)
      return
    }
    const delayMs = Math.min(reopenFirstMs * 2 ** (this.#failures - 1), reopenLastMs)
    this.#reopen = this.#host.node.clock.setTimeout(() => {
      this.#reopen = undefined
      this.open()
    }, delayMs)
  }

  #watchForStall(stream: Stream, waiting: number): void {
    if (stream.writable || waiting === 0 || this.#stall !== undefined) return
    const { node, limits } = this.#host
    this.#stall = node.clock.setTimeout(() => {
      stream.abort(new PeerloomError('ERR_TIMEOUT', `pubsub: the peer took nothing for ${limits.stallTimeoutMs} ms`))
    }, limits.stallTimeoutMs)
  }

  #forgetPeer(): void {
    const peer = this.#peer
    this.#peer = undefined
    this.#hasTold = false
    if (peer === undefined) return
    const { node, router } = this.#host
    this.#host.run(() => router.removePeer(peer))
    for (const topic of this.meshes) node.connections.unprotect(this.peerId, meshReason(topic))
    this.meshes.clear()
  }

  #ips(): string[] {
    const ips = new Set<string>()
    for (const { remoteAddress } of this.#host.node.connections.list(this.peerId)) {
      for (const { name, value } of remoteAddress.getComponents()) {
        if ((name === 'ip4' || name === 'ip6') && value !== undefined) ips.add(value)
        if (name === 'ip4' || name === 'ip6') break
      }
    }
    return [...ips]
  }
}

/** Why a connection is protected. */
export const meshReason = (topic: string): string => `pubsub:${topic}`
