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

it('gives its connection up when the remote ends without a go-away: nothing more leaves on it', async () => {
  const { side, raw } = startRaw('initiator', { keepAliveMs: 0 })
  const stream = await side.muxer.open()
  raw.pause()
  stream.send(new Uint8Array(65_507))
  await turns()
  const gone = new Promise((resolve) => raw.attach({ data() {}, end() {}, closed: resolve }))

  await raw.closeWrite()
  expect(await side.closed).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
  expect(stream.status).toBe('reset')
  raw.resume()
  expect(await gone).toBeInstanceOf(Error)
})

it('sends what is left when the remote has said good-bye before its end', async () => {
  const { side, raw, frames } = startRaw('initiator', { keepAliveMs: 0 })
  const stream = await side.muxer.open()
  await turns()
  raw.send(frame(goAway, 0, 0, 0))
  await turns()
  raw.pause()
  stream.send(new Uint8Array(65_507))
  await raw.closeWrite()
  expect(await side.closed).toBeUndefined()
  raw.resume()
  await turns()
  expect(frames().some((seen) => seen.length > 2 * 65_507)).toBe(true)
})
