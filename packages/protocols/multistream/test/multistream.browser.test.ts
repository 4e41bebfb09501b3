import { systemClock } from '@peerloom/interface'
import { handle, select, selectOptimistic } from '@peerloom/multistream'
import { byteReader, channelPair } from '@peerloom/streams'
import { expect, test } from 'vitest'

const clock = systemClock
const text = (words: string): Uint8Array => new TextEncoder().encode(words)

test('both sides agree on the first protocol that both speak, and the bytes behind it are theirs', async () => {
  const [dialer, listener] = channelPair()
  const agreed = await Promise.all([
    select(dialer, ['/chat/2.0.0', '/chat/1.0.0'], { clock }),
    handle(listener, ['/chat/1.0.0'], { clock })
  ])
  expect(agreed).toEqual(['/chat/1.0.0', '/chat/1.0.0'])
  dialer.send(text('hello'))
  expect(new TextDecoder().decode(await byteReader(listener).read(5))).toBe('hello')
})

test('none in common is refused', async () => {
  const [dialer, listener] = channelPair()
  const handling = handle(listener, ['/chat/1.0.0'], { clock })
  handling.catch(() => {})
  await expect(select(dialer, ['/mail/1.0.0'], { clock })).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL' })
})

test('optimistic: first bytes travel behind the proposal, and the answer is not among what is read', async () => {
  const [dialer, listener] = channelPair()
  selectOptimistic(dialer, '/echo/1.0.0')
  dialer.send(text('first'))
  expect(await handle(listener, ['/echo/1.0.0'], { clock })).toBe('/echo/1.0.0')
  const reader = byteReader(listener)
  expect(new TextDecoder().decode(await reader.read(5))).toBe('first')
  listener.send(text('answer'))
  expect(new TextDecoder().decode(await byteReader(dialer).read(6))).toBe('answer')
})
