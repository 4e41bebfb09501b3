import { type Channel, type Clock, PeerloomError, toError } from '@peerloom/interface'
import { protobuf, type ProtobufChannel } from '@peerloom/streams'
import type { IceCandidate, IceServer, RtcEngine } from './engine-interface.ts'
import { initLabel } from './muxer.ts'
import type { DataChannelOptions } from './options.ts'
import { RtcSession } from './session.ts'
import {
  decodeCandidate,
  encodeCandidate,
  maxSignalBytes,
  signalCodec,
  type SignalMessage,
  signalType
} from './signal-message.ts'

/** Candidates that are read of one remote; what comes behind them is not looked at. */
const maxCandidates = 64

/**
 * How long the one that is dialled leaves it to the other to begin. js-libp2p says where it can be reached before it has our
 * answer, and its engine takes whoever comes before that for somebody else, which is the end of the connection.
 */
const headStartMs = 100

export interface SignalingOptions {
  readonly clock: Clock
  readonly engine: RtcEngine
  readonly iceServers: readonly IceServer[]
  readonly dataChannel: Required<DataChannelOptions>
  /** Bounds all of it. */
  readonly signal: AbortSignal
}

/** Sends candidates in order, and none before the other side may make use of them. */
class Outbox {
  readonly #messages: ProtobufChannel<SignalMessage>
  #waiting: IceCandidate[] | undefined = []

  constructor(messages: ProtobufChannel<SignalMessage>) {
    this.#messages = messages
  }

  candidate(candidate: IceCandidate | undefined): void {
    if (candidate === undefined) return
    if (this.#waiting !== undefined) this.#waiting.push(candidate)
    // A failure shows where the stream is read.
    else this.#messages.write({ type: signalType.candidate, data: encodeCandidate(candidate) }).catch(() => {})
  }

  describe(type: number, sdp: string): Promise<void> {
    return this.#messages.write({ type, data: sdp })
  }

  open(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const candidate of waiting) this.candidate(candidate)
  }
}

const candidateLines = /^a=(candidate:.*|end-of-candidates)\r?\n/gm

/** Makes a connection with what is said on a stream that both sides trust, as the one that dials (webrtc.md, 4 to 8). */
export function offer(stream: Channel, options: SignalingOptions): Promise<RtcSession> {
  return negotiate(stream, options, async (session, messages, outbox) => {
    // Without a channel there would be nothing to find a way for. It stays open: engines give the id of one that is
    // closed to the next at once, and some take that for a part of the one before.
    session.link.createChannel({ label: initLabel })
    // Who is called before it knows who calls takes the caller for somebody else (node-datachannel): we can be reached
    // when we have the answer.
    const sdp = (await session.link.describe('offer')).replace(candidateLines, '')
    await outbox.describe(signalType.offer, sdp)
    await session.link.setRemote('answer', await expect(messages, signalType.answer, options.signal))
    outbox.open()
  })
}

/** As the one that is dialled. */
export function answer(stream: Channel, options: SignalingOptions): Promise<RtcSession> {
  return negotiate(stream, options, async (session, messages, outbox) => {
    await session.link.setRemote('offer', await expect(messages, signalType.offer, options.signal))
    await outbox.describe(signalType.answer, await session.link.describe('answer'))
    outbox.open()
    await pause(options.clock, headStartMs, options.signal)
  })
}

async function negotiate(
  stream: Channel,
  { engine, iceServers, dataChannel, signal }: SignalingOptions,
  describe: (session: RtcSession, messages: ProtobufChannel<SignalMessage>, outbox: Outbox) => Promise<void>
): Promise<RtcSession> {
  const messages = protobuf(stream, signalCodec, { maxBytes: maxSignalBytes })
  const outbox = new Outbox(messages)
  const session = await RtcSession.create(engine, { iceServers }, dataChannel, (candidate) =>
    outbox.candidate(candidate)
  )
  try {
    const up = untilUp(session, signal)
    // It is awaited below; a failure before that is not to go unobserved.
    up.catch(() => {})
    const candidates = describe(session, messages, outbox).then(() => readCandidates(session, messages, signal))
    await Promise.race([up, candidates])
    session.onCandidateFound = undefined
    stream.close().catch(() => {})
    return session
  } catch (error) {
    session.onCandidateFound = undefined
    session.close()
    stream.abort(toError(error))
    throw error
  }
}

function untilUp(session: RtcSession, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      signal.removeEventListener('abort', onAbort)
      session.onUp = undefined
      session.onDown = undefined
      if (error === undefined) resolve()
      else reject(error)
    }
    const onAbort = (): void => settle(toError(signal.reason))
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    session.onUp = () => settle()
    session.onDown = settle
  })
}

/** Never rejects. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clock.clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
  })
}

async function expect(messages: ProtobufChannel<SignalMessage>, type: number, signal: AbortSignal): Promise<string> {
  const message = await messages.read({ signal })
  if (message?.type === type) return message.data
  const what = message === undefined ? 'the end' : `a message of type ${message.type}`
  throw new PeerloomError('ERR_PROTOCOL_VIOLATION', `WebRTC signaling: ${what} in place of one of type ${type}`, {
    remote: true
  })
}

/** Never resolves: whoever is connected stops waiting for it. */
async function readCandidates(
  session: RtcSession,
  messages: ProtobufChannel<SignalMessage>,
  signal: AbortSignal
): Promise<never> {
  for (let left = maxCandidates; left > 0; left--) {
    const message = await messages.read({ signal })
    if (message === undefined) break
    if (message.type !== signalType.candidate) {
      const what = `WebRTC signaling: a message of type ${message.type} in place of a candidate`
      throw new PeerloomError('ERR_PROTOCOL_VIOLATION', what, { remote: true })
    }
    const candidate = decodeCandidate(message.data)
    if (candidate === undefined) continue
    // One that the engine does not understand is one less.
    await session.link.addCandidate(candidate).catch(() => {})
  }
  return new Promise<never>(() => {})
}
