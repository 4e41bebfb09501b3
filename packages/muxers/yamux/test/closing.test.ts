import { expect, it } from 'vitest'
import { fin, frame, goAway, startRaw, turns, windowUpdate } from './harness.ts'

it('sends the ends of streams before its good-bye, also when the connection was full', async () => {
  const { side, raw, frames } = startRaw('initiator', { keepAliveMs: 0 })
  const [first, second, third] = [await side.muxer.open(), await side.muxer.open(), await side.muxer.open()]
  await turns()
  raw.pause()
  // Whole frames leave their streams at once, as long as the connection takes them.
  for (let frame = 0; frame < 4; frame++) first.send(new Uint8Array(65_507))
  second.send(new Uint8Array(65_507))
  expect(first.queuedBytes + second.queuedBytes).toBe(0)

  const ended = third.closeWrite()
  void side.muxer.close().catch(() => {})
  raw.resume()
  await expect(ended).resolves.toBeUndefined()
  await turns()
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const seen = frames()
  const end = seen.indexOf(hex(frame(windowUpdate, fin, Number(third.id), 0)))
  expect(end).toBeGreaterThan(-1)
  expect(seen.indexOf(hex(frame(goAway, 0, 0, 0)))).toBeGreaterThan(end)
})
