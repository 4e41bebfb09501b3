import { type AbortOptions, type Channel, type Clock, PeerloomError, toError } from '@peerloom/interface'
import { DialerNegotiation, ListenerNegotiation } from './negotiation.ts'

/** Bound on a negotiation that waits for the remote, in ms. */
export const negotiationTimeoutMs = 10_000

/**
 * Proposes one protocol and goes on at once: the caller may send its first bytes right away. The answer is taken out of
 * the inbound bytes when it comes; a refusal resets the channel with ERR_UNSUPPORTED_PROTOCOL.
 */
export function selectOptimistic(channel: Channel, protocol: string): void {
  const negotiation = new DialerNegotiation([protocol])
  channel.intercept((bytes) => {
    const step = negotiation.push(bytes)
    if (step.protocol === undefined) return undefined
    channel.intercept(undefined)
    return step.rest
  })
  channel.send(negotiation.start())
}

export interface SelectOptions extends AbortOptions {
  readonly clock: Clock
  /** Default 10,000. */
  readonly timeoutMs?: number
}

/** Agrees with the remote on the first of `protocols` that it speaks. On failure the channel is reset. */
export async function select(channel: Channel, protocols: readonly string[], options: SelectOptions): Promise<string> {
  const negotiation = new DialerNegotiation(protocols)
  return negotiate(channel, options, (finish) => {
    channel.intercept((bytes) => {
      const step = negotiation.push(bytes)
      if (step.send !== undefined) channel.send(step.send)
      if (step.protocol === undefined) return undefined
      channel.intercept(undefined)
      finish(step.protocol)
      return step.rest
    })
    channel.send(negotiation.start())
  })
}

/**
 * Answers the remote's proposals until one is supported, then calls `onProtocol` before any byte behind the negotiation
 * is delivered: a reader attached in there misses nothing. The caller bounds the time. A dialler that counted on a
 * protocol that was refused, and has gone on or ended, gets to read the refusal: `onHopeless` is called when it has been
 * queued, and may close the channel in good order; without it the channel is reset.
 */
export function listen(
  channel: Channel,
  supports: (protocol: string) => boolean,
  onProtocol: (protocol: string) => void,
  onHopeless: () => void = () => channel.abort(refused())
): void {
  const negotiation = new ListenerNegotiation(supports)
  channel.intercept(
    (bytes) => {
      const step = negotiation.push(bytes)
      if (step.send !== undefined) channel.send(step.send)
      if (step.hopeless === true) {
        channel.intercept(undefined)
        onHopeless()
      }
      if (step.protocol === undefined) return undefined
      channel.intercept(undefined)
      onProtocol(step.protocol)
      return step.rest
    },
    () => {
      if (negotiation.hasRefused) onHopeless()
      else channel.abort(new PeerloomError('ERR_UNEXPECTED_END', 'ended while negotiating', { remote: true }))
    }
  )
}

const refused = (): PeerloomError =>
  new PeerloomError('ERR_UNSUPPORTED_PROTOCOL', 'the remote counted on a protocol that is not spoken', { remote: true })

/** `listen` as a promise, bounded. On failure the channel is reset. */
export function handle(channel: Channel, protocols: readonly string[], options: SelectOptions): Promise<string> {
  return negotiate(channel, options, (finish) => listen(channel, (protocol) => protocols.includes(protocol), finish))
}

function negotiate(
  channel: Channel,
  options: SelectOptions,
  begin: (finish: (protocol: string) => void) => void
): Promise<string> {
  const { clock, signal, timeoutMs = negotiationTimeoutMs } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      channel.abort(toError(signal.reason))
      reject(signal.reason)
      return
    }
    const settle = (): void => {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      channel.attach(undefined)
    }
    const fail = (error: Error): void => {
      settle()
      channel.abort(error)
      reject(error)
    }
    const onAbort = (): void => fail(toError(signal?.reason))
    const timer = clock.setTimeout(
      () =>
        fail(new PeerloomError('ERR_TIMEOUT', `negotiating a protocol took over ${timeoutMs} ms`, { remote: true })),
      timeoutMs
    )
    signal?.addEventListener('abort', onAbort, { once: true })
    channel.attach({
      // Bytes behind the negotiation belong to the next reader.
      data: (bytes) => {
        channel.pause()
        channel.unshift(bytes)
      },
      end: () => {},
      closed: (error) => fail(error ?? new PeerloomError('ERR_CHANNEL_CLOSED', 'closed while negotiating'))
    })
    try {
      begin((protocol) => {
        settle()
        resolve(protocol)
      })
    } catch (error) {
      fail(toError(error))
    }
  })
}
