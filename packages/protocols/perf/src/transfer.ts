import { PeerloomError, type Stream } from '@peerloom/interface'
import type { Watch } from './watch.ts'

const chunkBytes: number = 64 * 1024
const zeros = new Uint8Array(chunkBytes)
/** A number counts exactly up to 2^53: what is longer is sent in parts of this. */
const partBytes: bigint = 2n ** 52n

/** Sends that many bytes, as fast as they are taken. The same zeros again and again: nothing is allocated for a chunk. */
export async function give(
  stream: Stream,
  total: bigint,
  watch: Watch,
  onSent?: (bytes: number) => void
): Promise<void> {
  for (let left = total; left > 0n;) {
    let part = Number(left < partBytes ? left : partBytes)
    left -= BigInt(part)
    while (part > 0) {
      const chunk = part >= chunkBytes ? zeros : zeros.subarray(0, part)
      if (!stream.send(chunk)) await stream.drained()
      part -= chunk.length
      watch.bytes += chunk.length
      onSent?.(chunk.length)
    }
  }
}

/**
 * Takes what comes until the remote ends; resolves with how much that was. Rejects when the stream is reset, and when more
 * than `most` comes: a remote that never ends is not waited for.
 */
export function take(
  stream: Stream,
  most: bigint | undefined,
  watch: Watch,
  onReceived?: (bytes: number) => void
): Promise<number> {
  return new Promise((resolve, reject) => {
    // Exact up to 2^53, which nobody lives to receive.
    const limit = most === undefined ? Number.POSITIVE_INFINITY : Number(most)
    let total = 0
    stream.attach({
      transient: true,
      data: (bytes) => {
        total += bytes.length
        watch.bytes += bytes.length
        if (total > limit) {
          throw new PeerloomError('ERR_PROTOCOL_VIOLATION', `more than ${most} bytes came`, { remote: true })
        }
        onReceived?.(bytes.length)
      },
      end: () => resolve(total),
      closed: (error) => reject(error ?? new PeerloomError('ERR_CHANNEL_CLOSED', 'the stream was closed'))
    })
  })
}
