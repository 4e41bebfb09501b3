import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { isRelayed } from '@peerloom/addresses'
import {
  type AbortOptions,
  type Channel,
  type Clock,
  type ConnectionLimits,
  type PeerId,
  PeerloomError,
  type Stream
} from '@peerloom/interface'
import { protobuf } from '@peerloom/streams'
import { maxMessageBytes, status } from './constants.ts'
import { hopCodec, type HopMessage, type LimitMessage } from './messages.ts'
import { RelayError } from './relay-error.ts'
import { openVoucher } from './voucher.ts'

export interface HopOptions extends AbortOptions {
  readonly clock: Clock
  /** Bound on the relay's answer, in ms. */
  readonly timeoutMs: number
}

/** A reservation as the relay granted it. */
export interface Granted {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** The relay's own addresses, as far as they parse and lead to it directly. */
  readonly addresses: readonly Multiaddr[]
  readonly limits: ConnectionLimits | undefined
}

/** No reservation counts for longer, whatever the relay says. */
const maxTtlMs = 24 * 3_600_000

/** What a relay says of its limits; undefined when there are none. */
export function connectionLimits(limit: LimitMessage | undefined): ConnectionLimits | undefined {
  if (limit === undefined || (limit.durationSeconds === 0 && limit.bytes === 0n)) return undefined
  return {
    ...(limit.bytes === 0n ? {} : { bytes: limit.bytes }),
    ...(limit.durationSeconds === 0 ? {} : { durationMs: limit.durationSeconds * 1000 })
  }
}

/**
 * Asks for a reservation on a hop stream, which is closed afterwards. Rejects with a RelayError when the relay refuses,
 * ERR_INVALID_RECORD and the like for its voucher, ERR_PROTOCOL_VIOLATION for an answer that makes no sense.
 */
export async function reserve(stream: Stream, self: PeerId, options: HopOptions): Promise<Granted> {
  return bounded(stream, options, async () => {
    const { clock } = options
    const relay = stream.connection.remotePeer
    const messages = protobuf(stream, hopCodec, { maxBytes: maxMessageBytes })
    await messages.write({ type: 'RESERVE' })
    const answer = checkedStatus(await messages.read(), `${relay} refused a reservation`)
    stream.close().catch(() => {})
    const { reservation } = answer
    if (reservation === undefined) throw violation(`${relay} says nothing of the reservation it granted`)
    const ttlMs = Number(reservation.expire) * 1000 - clock.now()
    if (!(ttlMs > 0)) throw violation(`${relay} granted a reservation that is over`)
    if (reservation.voucher !== undefined) {
      const voucher = await openVoucher(reservation.voucher)
      const fits = voucher.relay.equals(relay) && voucher.peer.equals(self)
      if (!fits) throw violation(`${relay} gave a voucher of ${voucher.relay} for ${voucher.peer}`)
    }
    return {
      expiresAt: clock.now() + Math.min(ttlMs, maxTtlMs),
      addresses: usable(reservation.addresses, relay),
      limits: connectionLimits(answer.limit)
    }
  })
}

/**
 * Asks for a circuit to a peer. The stream is the circuit from then on. Rejects with a RelayError when the relay refuses.
 */
export async function connect(
  stream: Stream,
  target: PeerId,
  options: HopOptions
): Promise<{ readonly channel: Channel; readonly limits: ConnectionLimits | undefined }> {
  return bounded(stream, options, async () => {
    const messages = protobuf(stream, hopCodec, { maxBytes: maxMessageBytes })
    await messages.write({ type: 'CONNECT', peer: target.bytes })
    const what = `${stream.connection.remotePeer} does not connect us with ${target}`
    const { limit } = checkedStatus(await messages.read(), what)
    return { channel: messages.release(), limits: connectionLimits(limit) }
  })
}

function checkedStatus(answer: HopMessage | undefined, what: string): HopMessage {
  if (answer?.type !== 'STATUS' || answer.status === undefined) throw violation(`${what}: there is no status`)
  if (answer.status !== status.ok) throw new RelayError(what, answer.status)
  return answer
}

/** The addresses that lead to the relay, as it says, and not through another one. */
function usable(encoded: readonly Uint8Array[], relay: PeerId): Multiaddr[] {
  return encoded.flatMap((bytes) => {
    try {
      const address = multiaddr(bytes)
      const last = address.getComponents().at(-1)
      return last?.name === 'p2p' && last.value === relay.toString() && !isRelayed(address) ? [address] : []
    } catch {
      return [] // a kind of address that is newer than we are
    }
  })
}

/** One exchange inside its bound; a failure resets the stream. */
async function bounded<T>(
  stream: Stream,
  { clock, timeoutMs, signal }: HopOptions,
  work: () => Promise<T>
): Promise<T> {
  const onAbort = (): void => stream.abort(signal?.reason as Error)
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = clock.setTimeout(
    () => stream.abort(new PeerloomError('ERR_TIMEOUT', `the relay took over ${timeoutMs} ms`, { remote: true })),
    timeoutMs
  )
  try {
    return await work()
  } catch (error) {
    const cause = stream.error ?? error
    stream.abort(cause as Error)
    throw cause
  } finally {
    clock.clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

const violation = (what: string): PeerloomError => new PeerloomError('ERR_PROTOCOL_VIOLATION', what, { remote: true })
