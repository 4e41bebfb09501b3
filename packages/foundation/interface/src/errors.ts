/** Every code a Peerloom error can carry; docs/errors.md says what each means and what to do. */
export const errorCodes = [
  // arguments and composition
  'ERR_INVALID_ARGUMENT',
  'ERR_MISSING_MODULE',
  'ERR_MODULE_CONFLICT',
  'ERR_NOT_STARTED',
  'ERR_STOPPED',
  // waiting
  'ERR_TIMEOUT',
  'ERR_ABORTED',
  // limits of our own
  'ERR_LIMIT',
  'ERR_SEND_QUEUE_FULL',
  // channels and streams
  'ERR_CHANNEL_CLOSED',
  'ERR_CHANNEL_RESET',
  'ERR_WRITE_CLOSED',
  'ERR_UNEXPECTED_END',
  'ERR_MESSAGE_TOO_LARGE',
  // what a remote sent
  'ERR_DECODE',
  'ERR_PROTOCOL_VIOLATION',
  'ERR_UNSUPPORTED_PROTOCOL',
  // keys and records
  'ERR_INVALID_KEY',
  'ERR_INVALID_SIGNATURE',
  'ERR_INVALID_RECORD',
  'ERR_UNSUPPORTED_KEY',
  'ERR_KEYCHAIN',
  // dialling and connecting
  'ERR_DIAL',
  'ERR_NO_ADDRESSES',
  'ERR_NO_TRANSPORT',
  'ERR_ADDRESS_UNREACHABLE',
  'ERR_BACKOFF',
  'ERR_GATED',
  'ERR_LISTEN',
  'ERR_SECURITY',
  'ERR_WRONG_PEER',
  'ERR_MUXER',
  'ERR_CONNECTION_CLOSED',
  'ERR_LIMITED_CONNECTION',
  'ERR_RELAY',
  'ERR_DNS',
  // stores
  'ERR_NOT_FOUND',
  'ERR_STORE'
] as const

export type ErrorCode = (typeof errorCodes)[number]

export interface PeerloomErrorOptions {
  readonly cause?: unknown
  /** True when the other side caused it: a violation, a refusal, a reset. Default false. */
  readonly remote?: boolean
}

const brand = Symbol.for('@peerloom/error')

/** The base of all errors that Peerloom makes. Match on `code`, never on the message. */
export class PeerloomError extends Error {
  readonly code: ErrorCode
  readonly remote: boolean

  constructor(code: ErrorCode, message: string, options: PeerloomErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'PeerloomError'
    this.code = code
    this.remote = options.remote ?? false
  }

  /** Holds across duplicate copies of this package; subclasses are told apart as usual. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== PeerloomError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return typeof value === 'object' && value !== null && brand in value
  }
}
Object.defineProperty(PeerloomError.prototype, brand, { value: true })

/** Whether `error` is a Peerloom error, with this code when one is given. */
export function isPeerloomError(error: unknown, code?: ErrorCode): error is PeerloomError {
  return error instanceof PeerloomError && (code === undefined || error.code === code)
}

/** Turns whatever was thrown into an Error, so that causes are never lost. */
export function toError(value: unknown): Error {
  return value instanceof Error ? value : new PeerloomError('ERR_ABORTED', String(value), { cause: value })
}
