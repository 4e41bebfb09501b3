import { concat } from '@peerloom/bounded'
import { type Clock, PeerloomError, type Stream, type Timer } from '@peerloom/interface'
import { LengthPrefixedDecoder } from '@peerloom/streams'
import { maxMessageBytes, maxMessages } from './codec.ts'

/**
 * Takes messages until the remote ends and puts them together. Bounded in number, size and time; rejects with ERR_TIMEOUT,
 * ERR_MESSAGE_TOO_LARGE, ERR_UNEXPECTED_END or why the stream was lost, and resets the stream.
 */
export function receiveAll(stream: Stream, clock: Clock, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const decoder = new LengthPrefixedDecoder({ maxBytes: maxMessageBytes })
    const messages: Uint8Array[] = []
    const fail = (error: Error): void => {
      clock.clearTimeout(timer)
      stream.abort(error)
      reject(error)
    }
    const timer: Timer = clock.setTimeout(
      () => fail(new PeerloomError('ERR_TIMEOUT', `identify took over ${timeoutMs} ms`, { remote: true })),
      timeoutMs
    )
    stream.attach({
      data: (bytes) =>
        decoder.push(bytes, (message) => {
          if (messages.length === maxMessages) {
            throw new PeerloomError('ERR_MESSAGE_TOO_LARGE', `over ${maxMessages} identify messages`, { remote: true })
          }
          messages.push(message)
        }),
      end: () => {
        clock.clearTimeout(timer)
        if (messages.length > 0 && decoder.pendingBytes === 0) resolve(concat(messages))
        else fail(new PeerloomError('ERR_UNEXPECTED_END', 'identify ended inside a message', { remote: true }))
      },
      closed: (error) => {
        clock.clearTimeout(timer)
        reject(error ?? new PeerloomError('ERR_CHANNEL_CLOSED', 'the identify stream was closed'))
      }
    })
  })
}
