import { createHash, timingSafeEqual } from 'node:crypto'
import { StreamResetError, type Stream, type StreamCloseEvent, type StreamMessageEvent } from '@libp2p/interface'
import { testBytes } from './test-bytes.ts'

export const protocols = {
  echo: '/interop/echo/1.0.0',
  digest: '/interop/digest/1.0.0',
  reset: '/interop/reset/1.0.0',
  expectReset: '/interop/expect-reset/1.0.0'
} as const

const chunkBytes = 32 * 1024

/** What npm libp2p reports for a reset by the other side. */
export function isReset(error: unknown): boolean {
  // By name: the transports in the cache bring a copy of the class.
  return error instanceof Error && error.name === 'StreamResetError'
}

/**
 * What arrives on a stream, to its end. The stream's own iterator (libp2p 3.3) waits for ever, or ends without the
 * data, if the other side has closed before it is started. That is the rule with go-libp2p, which sends protocol id,
 * data and FIN in one go: the negotiation reads past the id, the stream ends, and only then is the rest put back.
 */
async function* chunksOf(stream: Stream): AsyncGenerator<Uint8Array> {
  const queue: Uint8Array[] = []
  let wake: (() => void) | undefined
  let ended = stream.readableEnded && stream.readBufferLength === 0
  let failure = stream.status === 'reset' ? new StreamResetError() : undefined
  const onMessage = (event: StreamMessageEvent): void => {
    queue.push(event.data.subarray())
    ended ||= stream.readableEnded // bytes that were put back come as one message, and no second end follows
    wake?.()
  }
  const onEnd = (event: Event | StreamCloseEvent): void => {
    ended = true
    if ('error' in event) failure = event.error
    wake?.()
  }
  stream.addEventListener('message', onMessage)
  stream.addEventListener('end', onEnd)
  stream.addEventListener('close', onEnd)
  try {
    for (;;) {
      const chunk = queue.shift()
      if (chunk !== undefined) yield chunk
      else if (failure !== undefined) throw failure
      else if (ended) return
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('end', onEnd)
    stream.removeEventListener('close', onEnd)
  }
}

export async function echo(stream: Stream, signal: AbortSignal): Promise<void> {
  for await (const chunk of chunksOf(stream)) await send(stream, chunk, signal)
  await stream.close({ signal })
}

export async function digest(stream: Stream, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of chunksOf(stream)) hash.update(chunk)
  await send(stream, hash.digest(), signal)
  await stream.close({ signal })
}

export async function readOneThenReset(stream: Stream): Promise<void> {
  for await (const _ of chunksOf(stream)) break
  stream.abort(new Error('a reset, as the protocol asks'))
}

export async function readAll(stream: Stream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of chunksOf(stream)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Sends the test bytes, reads the echo meanwhile, and checks it. */
export async function checkEcho(stream: Stream, bytes: number, signal: AbortSignal): Promise<void> {
  const sent = testBytes(bytes)
  const [received] = await Promise.all([readAll(stream), sendAndClose(stream, sent, signal)])
  if (received.byteLength !== bytes) throw new Error(`the echo has ${received.byteLength} of ${bytes} bytes`)
  if (!timingSafeEqual(received, sent)) throw new Error('the echo has wrong bytes')
}

export async function checkDigest(stream: Stream, bytes: number, signal: AbortSignal): Promise<void> {
  const sent = testBytes(bytes)
  const [received] = await Promise.all([readAll(stream), sendAndClose(stream, sent, signal)])
  const wanted = createHash('sha256').update(sent).digest('hex')
  const got = Buffer.from(received).toString('hex')
  if (got !== wanted) throw new Error(`wrong digest: got ${got}, want ${wanted}`)
}

export async function send(stream: Stream, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  if (!stream.send(bytes)) await stream.onDrain({ signal })
}

async function sendAndClose(stream: Stream, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength; offset += chunkBytes) {
    await send(stream, bytes.subarray(offset, offset + chunkBytes), signal)
  }
  await stream.close({ signal })
}
