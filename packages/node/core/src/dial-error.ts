import type { Multiaddr } from '@multiformats/multiaddr'
import { type DialStage, type ErrorCode, isPeerloomError, PeerloomError } from '@peerloom/interface'

/** How one address of a dial went wrong. */
export interface FailedAttempt {
  readonly address: Multiaddr
  /** The stage it got to. */
  readonly stage: DialStage
  readonly code: ErrorCode
  readonly cause: Error
}

export function failedAttempt(address: Multiaddr, stage: DialStage, cause: Error): FailedAttempt {
  return { address, stage, code: isPeerloomError(cause) ? cause.code : 'ERR_ADDRESS_UNREACHABLE', cause }
}

/** No address of a peer could be reached; `attempts` says why, one by one. */
export class DialError extends PeerloomError {
  readonly attempts: readonly FailedAttempt[]

  constructor(target: string, attempts: readonly FailedAttempt[]) {
    const lines = attempts.map(({ address, stage, code, cause }) => `  ${address} ${stage}: ${code} ${cause.message}`)
    super('ERR_DIAL', [`could not dial ${target}`, ...lines].join('\n'), { cause: attempts[0]?.cause })
    this.name = 'DialError'
    this.attempts = attempts
  }
}
