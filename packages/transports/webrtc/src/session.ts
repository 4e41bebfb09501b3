import type { MuxerOptions } from '@peerloom/interface'
import { PeerloomError } from '@peerloom/interface'
import { type EarlyAllowance, earlyAllowance, EarlyChannel } from './early-channel.ts'
import type { IceCandidate, RtcChannel, RtcEngine, RtcLink, RtcLinkEvents, RtcLinkOptions } from './engine-interface.ts'
import { DataChannelMuxer } from './muxer.ts'
import type { DataChannelOptions } from './options.ts'

/** One peer connection from its first packet to its end: holds what comes early, then hands all to its muxer. */
export class RtcSession implements RtcLinkEvents {
  readonly #options: Required<DataChannelOptions>
  #link: RtcLink | undefined
  #muxer: DataChannelMuxer | undefined
  #early: EarlyChannel[] = []
  readonly #allowance: EarlyAllowance
  #closed = false
  #error: Error | undefined
  /** Called once, when the link is up. */
  onUp: (() => void) | undefined = undefined
  /** Called once, when the link is gone, by whoever. */
  onDown: ((error: Error) => void) | undefined = undefined
  onCandidateFound: ((candidate: IceCandidate | undefined) => void) | undefined = undefined

  private constructor(options: Required<DataChannelOptions>, stranger: boolean) {
    this.#options = options
    this.#allowance = earlyAllowance(stranger, options.maxBufferedBytes)
  }

  static async create(
    engine: RtcEngine,
    linkOptions: RtcLinkOptions,
    options: Required<DataChannelOptions>,
    onCandidate?: (candidate: IceCandidate | undefined) => void
  ): Promise<RtcSession> {
    const session = new RtcSession(options, linkOptions.serve !== undefined)
    session.onCandidateFound = onCandidate
    session.#link = await engine.createLink(linkOptions, session)
    return session
  }

  get link(): RtcLink {
    return this.#link as RtcLink
  }

  /** Why the link is gone; undefined while it is not. */
  get error(): Error | undefined {
    return this.#error
  }

  createMuxer(settings: MuxerOptions): DataChannelMuxer {
    const muxer = new DataChannelMuxer(this.link, settings, this.#options)
    this.#muxer = muxer
    const early = this.#early
    this.#early = []
    if (this.#closed) muxer.linkClosed(this.#error)
    for (const one of early) muxer.accept(one.channel, one)
    return muxer
  }

  close(): void {
    this.#link?.close()
    this.#early = []
  }

  onChannel(channel: RtcChannel): void {
    if (this.#muxer !== undefined) this.#muxer.accept(channel)
    else if (this.#early.length >= this.#options.maxInboundStreams) channel.close()
    else this.#early.push(new EarlyChannel(channel, this.#allowance))
  }

  onConnected(): void {
    this.onUp?.()
  }

  onCandidate(candidate: IceCandidate | undefined): void {
    this.onCandidateFound?.(candidate)
  }

  onClosed(error?: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.#error = error ?? new PeerloomError('ERR_CONNECTION_CLOSED', 'the WebRTC connection is closed')
    this.#early = []
    this.#muxer?.linkClosed(this.#error)
    this.onDown?.(this.#error)
  }
}
