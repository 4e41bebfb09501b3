import { type AbortOptions, type Clock, PeerloomError } from '@peerloom/interface'

/** Work inside a bound on its time, and inside the signal of whoever asked for it. */
export async function withBound<T>(
  { signal: outer, clock, timeoutMs, what }: AbortOptions & { clock: Clock; timeoutMs: number; what: string },
  work: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  outer?.throwIfAborted()
  const bound = new AbortController()
  const onAbort = (): void => bound.abort(outer?.reason)
  outer?.addEventListener('abort', onAbort, { once: true })
  const timer = clock.setTimeout(
    () => bound.abort(new PeerloomError('ERR_TIMEOUT', `${what} took over ${timeoutMs} ms`)),
    timeoutMs
  )
  try {
    return await work(bound.signal)
  } catch (error) {
    // Whichever step was under way, the reason is the better answer.
    bound.signal.throwIfAborted()
    throw error
  } finally {
    clock.clearTimeout(timer)
    outer?.removeEventListener('abort', onAbort)
  }
}
