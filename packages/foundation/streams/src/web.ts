import { type Channel, PeerloomError, toError } from '@peerloom/interface'
import { ChunkIterator } from './chunk-iterator.ts'

/** A channel as a WHATWG pair; back-pressure holds in both directions. */
export function toWeb(channel: Channel): {
  readable: ReadableStream<Uint8Array>
  writable: WritableStream<Uint8Array>
} {
  const chunks = new ChunkIterator(channel)
  const readable = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await chunks.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel(reason) {
        await chunks.return()
        if (channel.status === 'open') {
          channel.abort(new PeerloomError('ERR_ABORTED', 'the readable was cancelled', { cause: reason }))
        }
      }
    },
    { highWaterMark: 0 }
  )
  const writable = new WritableStream<Uint8Array>(
    {
      async write(bytes) {
        if (!channel.send(bytes)) await channel.drained()
      },
      close: () => channel.closeWrite(),
      abort: (reason) => channel.abort(toError(reason))
    },
    { highWaterMark: 1 }
  )
  return { readable, writable }
}
