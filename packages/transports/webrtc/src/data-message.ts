import type { ChunkQueue } from '@peerloom/streams'
import type { RtcChannel } from './engine-interface.ts'
import { maxSentBytes, writeDataHeader } from './frame.ts'

/**
 * A message that is longer has its length prefix sent alone, as go-libp2p and js-libp2p send it: go-libp2p reads prefixes
 * into a buffer of 4 KiB, and fails when what comes is longer.
 */
const maxWithPrefixBytes = 4096
/** Payload of the first messages, which are never cut in two: the rest is prefix, position, tag and length. */
export const maxFirstPayloadBytes: number = maxWithPrefixBytes - 16

/** Messages are put together here: engines copy what they are given to send. */
let scratch: Uint8Array | undefined

/** Puts so many bytes of the queue into a message. Returns and throws what the channel does. */
export function sendData(channel: RtcChannel, queue: ChunkQueue, bytes: number, position: number): boolean {
  scratch ??= new Uint8Array(maxSentBytes)
  let at = writeDataHeader(scratch, bytes, position)
  for (let left = bytes; left > 0;) {
    const chunk = queue.shift(left) as Uint8Array
    scratch.set(chunk, at)
    at += chunk.length
    left -= chunk.length
  }
  // A length between 4 and 16 KiB takes two bytes.
  const prefix = at > maxWithPrefixBytes ? 2 : 0
  if (prefix > 0) channel.send(scratch.slice(0, prefix))
  return channel.send(scratch.subarray(prefix, at))
}
