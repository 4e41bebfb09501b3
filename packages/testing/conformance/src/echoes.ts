import type { Stream } from '@peerloom/interface'

const pieceBytes = 100_000

/** Sends bytes that tell their place to an echo, and looks at each that comes back. Fails for a wrong or missing one. */
export async function echoes(stream: Stream, length: number): Promise<void> {
  const sent = new Uint8Array(length).map((_, at) => at * 31)
  const sending = (async () => {
    for (let at = 0; at < sent.length; at += pieceBytes) await stream.write(sent.slice(at, at + pieceBytes))
    await stream.closeWrite()
  })()
  let got = 0
  for await (const bytes of stream) {
    if (!bytes.every((byte, at) => byte === sent[got + at])) throw new Error(`wrong bytes at ${got}`)
    got += bytes.length
  }
  await sending
  if (got !== length) throw new Error(`${got} bytes came back of ${length}`)
}
