import { PeerloomError, type PeerloomErrorOptions, type ErrorCode } from '@peerloom/interface'

/** Close codes (RFC 6455, 7.4.1) as this transport uses them. */
export const closeCodes = {
  normal: 1000,
  protocolError: 1002,
  unsupportedData: 1003,
  /** Never sent: a Close frame without a code. */
  none: 1005,
  policyViolation: 1008,
  tooLarge: 1009,
  /** Our own: the channel was aborted. A browser cannot reset the connection below. */
  reset: 4000
} as const

/** What a remote did wrong, with the code to tell it so. */
export class FrameError extends PeerloomError {
  readonly closeCode: number

  constructor(code: ErrorCode, closeCode: number, message: string, options?: PeerloomErrorOptions) {
    super(code, `WebSocket: ${message}`, { remote: true, ...options })
    this.closeCode = closeCode
  }
}

export const violation = (message: string, closeCode: number = closeCodes.protocolError): FrameError =>
  new FrameError('ERR_PROTOCOL_VIOLATION', closeCode, message)

/** An end in good order; every other code means that the remote gave the channel up. */
export const isOrderly = (code: number): boolean => code === closeCodes.normal || code === closeCodes.none

export const closedByRemote = (code: number): PeerloomError =>
  new PeerloomError('ERR_CHANNEL_RESET', `the remote closed the WebSocket with code ${code}`, { remote: true })
