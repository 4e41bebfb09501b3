import { expect, onTestFinished, test } from 'vitest'
import { type BenchStream, loadDriver } from '../src/driver.ts'

const read = (stream: BenchStream): Promise<Uint8Array> =>
  new Promise((resolve) => {
    const parts: Uint8Array[] = []
    stream.read(
      (_, data) => parts.push(data().slice()),
      () => resolve(Buffer.concat(parts))
    )
  })

test.each([
  ['peerloom', 'tcp'],
  ['js-libp2p', 'tcp'],
  ['aead-loop', 'tcp'],
  ['raw-tls', 'tcp'],
  ['raw-tls-lean', 'tcp'],
  ['raw-tcp', 'tcp'],
  ['peerloom', 'webrtc'],
  ['js-libp2p', 'webrtc'],
  ['webrtc-engine', 'webrtc']
] as const)('what is sent through %s over %s arrives whole, and ends', async (name, stack) => {
  const { create } = await loadDriver(name)
  const listener = await create({ role: 'listen', stack })
  const dialler = await create({ role: 'dial', stack })
  onTestFinished(async () => {
    await dialler.stop()
    await listener.stop()
  })
  let take: ((bytes: Uint8Array) => void) | undefined
  const received = new Promise<Uint8Array>((resolve) => {
    take = resolve
  })
  await listener.handle('/bench/1', (stream) => void read(stream).then((bytes) => take?.(bytes)))
  const connection = await dialler.connect(listener.address)
  const stream = await connection.open('/bench/1')
  const sent = Uint8Array.from({ length: 200_000 }, (_, at) => at % 251)
  if (!stream.send(sent.slice())) await stream.drained()
  await stream.closeWrite()
  expect(Buffer.compare(await received, sent)).toBe(0)
  await connection.close()
})
