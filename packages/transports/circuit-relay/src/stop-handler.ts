import { isRelayed } from '@peerloom/addresses'
import { peerIdFromBytes } from '@peerloom/identity'
import {
  type Connection,
  isPeerloomError,
  type NodeContext,
  type PeerId,
  PeerloomError,
  type Stream,
  type Upgrader
} from '@peerloom/interface'
import { protobuf } from '@peerloom/streams'
import { throughRelay } from './circuit-address.ts'
import { maxMessageBytes, type Status, status } from './constants.ts'
import { connectionLimits } from './hop-client.ts'
import { stopCodec, type StopMessage } from './messages.ts'

export interface StopHandlerOptions {
  readonly node: NodeContext
  readonly transport: string
  readonly messageTimeoutMs: number
  readonly upgrader: () => Upgrader | undefined
  /** Whether we have a reservation at the peer. */
  isOurRelay(peer: PeerId): boolean
  onConnection(connection: Connection, relay: PeerId): void
}

/** Takes a circuit that a relay brings: the stream becomes an inbound link. */
export async function serveStop(stream: Stream, connection: Connection, options: StopHandlerOptions): Promise<void> {
  const { clock } = options.node
  const { messageTimeoutMs } = options
  const stop = protobuf(stream, stopCodec, { maxBytes: maxMessageBytes })
  const answer = (code: Status): Promise<void> => stop.write({ type: 'STATUS', status: code })
  const timer = clock.setTimeout(
    () =>
      stream.abort(
        new PeerloomError('ERR_TIMEOUT', `the message of a stop stream took over ${messageTimeoutMs} ms`, {
          remote: true
        })
      ),
    messageTimeoutMs
  )
  let message: StopMessage | undefined
  let malformed = false
  try {
    message = await stop.read()
  } catch (error) {
    if (!isPeerloomError(error, 'ERR_DECODE') || stream.status === 'reset') throw error
    malformed = true
  } finally {
    clock.clearTimeout(timer)
  }
  const upgrader = options.upgrader()
  const { remotePeer, remoteAddress: relayAddress } = connection
  const remoteAddress = throughRelay(relayAddress, remotePeer.toString())
  const verdict = malformed ? status.malformedMessage : judge(message, connection, options)
  if (verdict !== status.ok || upgrader === undefined || !upgrader.acceptInbound(remoteAddress)) {
    await answer(verdict === status.ok ? status.resourceLimitExceeded : verdict)
    await stream.close()
    return
  }
  await answer(status.ok)
  const opened = await upgrader.upgradeInbound(stop.release(), {
    transport: options.transport,
    // Who is at the other end, the handshake shows; that the relay names somebody proves nothing.
    remoteAddress,
    limits: connectionLimits(message?.limit)
  })
  if (opened !== undefined) options.onConnection(opened, remotePeer)
}

function judge(message: StopMessage | undefined, connection: Connection, options: StopHandlerOptions): Status {
  if (message?.type !== 'CONNECT') return status.unexpectedMessage
  try {
    peerIdFromBytes(message.peer ?? new Uint8Array(0))
  } catch {
    return status.malformedMessage
  }
  const ours = options.isOurRelay(connection.remotePeer) && !isRelayed(connection.remoteAddress)
  return ours ? status.ok : status.permissionDenied
}
