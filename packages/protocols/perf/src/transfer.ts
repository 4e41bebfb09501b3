import { PeerloomError, type Stream } from '@peerloom/interface'

const chunkBytes: number = 64 * 1024
const zeros = new Uint8Array(chunkBytes)

/** Sends that many bytes, as fast as they are taken. The same zeros again and again: nothing is allocated. */
export async function give(stream: Stream, total: bigint, onSent?: (bytes: number) => void): Promise<void> {
  for (let left = total; left > 0n;) {
    const bytes = left >= BigInt(chunkBytes) ? chunkBytes : Number(left)
    if (!stream.send(bytes === chunkBytes ? zeros : zeros.subarray(0, bytes))) await stream.drained()
    left -= BigInt(bytes)
    onSent?.(bytes)
  }
}

/**
 * Takes what comes until the remote ends; resolves with how much that was. Rejects when the stream is reset, and when more
 * than `most` comes: a remote that never ends is not waited for.
 */
export function take(stream: Stream, most?: bigint, onReceived?: (bytes: number) => void): Promise<bigint> {
  return new Promise((resolve, reject) => {
    let total = 0n
    stream.attach({
      transient: true,
      data: (bytes) => {
        total += BigInt(bytes.length)
        if (most !== undefined && total > most) {
          throw new PeerloomError('ERR_PROTOCOL_VIOLATION', `more than ${most} bytes came`, { remote: true })
        }
        onReceived?.(bytes.length)
      },
      end: () => resolve(total),
      closed: (error) => reject(error ?? new PeerloomError('ERR_CHANNEL_CLOSED', 'the stream was closed'))
    })
  })
}
