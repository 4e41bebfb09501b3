import { type Channel, type Clock, isPeerloomError, PeerloomError, toError } from '@peerloom/interface'

export interface HandshakeBound {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** For messages: `the Noise handshake`. */
  readonly what: string
  /** Types what fails. Default: ERR_SECURITY for whatever has no code and is not an abort. */
  readonly toTyped?: (error: unknown) => Error
}

/**
 * Runs a handshake on a channel under one bound and one signal, which take effect by aborting the channel. Whatever goes
 * wrong aborts it too; what ended the channel is the better answer than what the handshake made of it.
 */
export async function runHandshake<T>(channel: Channel, bound: HandshakeBound, run: () => Promise<T>): Promise<T> {
  const { clock, timeoutMs, signal, what } = bound
  const onAbort = (): void => channel.abort(toError(signal?.reason))
  if (signal?.aborted === true) {
    onAbort()
    throw toError(signal.reason)
  }
  const timer = clock.setTimeout(
    () => channel.abort(new PeerloomError('ERR_TIMEOUT', `${what} took over ${timeoutMs} ms`)),
    timeoutMs
  )
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await run()
  } catch (error) {
    const failure = channel.error ?? (bound.toTyped ?? typed(what))(error)
    channel.abort(failure)
    throw failure
  } finally {
    clock.clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

const typed =
  (what: string) =>
  (error: unknown): Error => {
    if (isPeerloomError(error)) return error
    if (!(error instanceof Error) || error.name === 'AbortError') return toError(error)
    return new PeerloomError('ERR_SECURITY', `${what} failed: ${error.message}`, { cause: error })
  }
