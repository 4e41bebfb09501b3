import {
  InvalidCryptoExchangeError,
  MuxerClosedError,
  TooManyOutboundProtocolStreamsError,
  UnexpectedPeerError
} from '@libp2p/interface'
import { type ErrorCode, isPeerloomError, PeerloomError, toError } from '@peerloom/interface'

/** What js-libp2p code matches on is `name`. */
const byName: Readonly<Record<string, ErrorCode>> = {
  UnexpectedPeerError: 'ERR_WRONG_PEER',
  InvalidCryptoExchangeError: 'ERR_SECURITY',
  MuxerClosedError: 'ERR_CONNECTION_CLOSED',
  ConnectionClosedError: 'ERR_CONNECTION_CLOSED',
  TooManyOutboundProtocolStreamsError: 'ERR_LIMIT',
  StreamResetError: 'ERR_CHANNEL_RESET',
  StreamBufferError: 'ERR_LIMIT',
  TimeoutError: 'ERR_TIMEOUT'
}

/** An error of a js-libp2p module as one of ours, with the original as its cause. */
export function fromTheirError(error: unknown, otherwise: ErrorCode): Error {
  const cause = toError(error)
  if (isPeerloomError(cause) || cause.name === 'AbortError') return cause
  return new PeerloomError(byName[cause.name] ?? otherwise, cause.message, { cause })
}

type TheirErrorClass = new (message: string) => Error

const byCode: Partial<Record<ErrorCode, TheirErrorClass>> = {
  ERR_WRONG_PEER: UnexpectedPeerError,
  ERR_SECURITY: InvalidCryptoExchangeError,
  ERR_CONNECTION_CLOSED: MuxerClosedError,
  ERR_LIMIT: TooManyOutboundProtocolStreamsError
}

/** One of our errors under the name that js-libp2p code looks for. Other errors stay as they are. */
export function toTheirError(error: unknown): Error {
  const cause = toError(error)
  const Theirs = isPeerloomError(cause) ? byCode[cause.code] : undefined
  return Theirs === undefined ? cause : Object.assign(new Theirs(cause.message), { cause })
}
