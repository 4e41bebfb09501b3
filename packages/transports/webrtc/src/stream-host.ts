import type { Clock } from '@peerloom/interface'
import type { RtcChannel } from './engine-interface.ts'
import type { DataChannelStream } from './stream.ts'

/** What a stream asks of the connection that it is part of. */
export interface StreamHost {
  readonly clock: Clock
  readonly receiveWindowBytes: number
  readonly maxBufferedBytes: number
  readonly finAckTimeoutMs: number
  /** The remote knows credit: it stops sending when it has used up what it was granted. */
  readonly grantsCredit: boolean
  /** The remote has granted credit, so it knows it. */
  onCredit(): void
  reserveMemory(bytes: number): boolean
  releaseMemory(bytes: number): void
  /** The stream is over. `lingers`: its channel is left to the remote to close, or to the host when that takes long. */
  remove(stream: DataChannelStream, channel: RtcChannel, lingers: boolean): void
  /** The remote has closed a channel that was left to it. */
  lingered(channel: RtcChannel): void
}
