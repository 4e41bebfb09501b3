import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Channel, systemClock } from '@peerloom/interface'
import {
  DialerNegotiation,
  encodeToken,
  handle,
  listen,
  ListenerNegotiation,
  multistreamProtocol,
  select,
  selectOptimistic,
  TokenDecoder
} from '@peerloom/multistream'
import { byteReader, channelPair, ChunkIterator } from '@peerloom/streams'

interface Vectors {
  tokens: { token: string; hex: string }[]
  dialogues: {
    name: string
    dialer: string[]
    listener: string[]
    agreed: string | null
    dialerSends: string
    listenerSends: string
  }[]
}
const vectors = JSON.parse(
  readFileSync(new URL('./fixtures/multistream-vectors.json', import.meta.url), 'utf8')
) as Vectors
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const clock = systemClock
const text = (bytes: string): Uint8Array => new TextEncoder().encode(bytes)

async function readAll(channel: Channel): Promise<string> {
  const decoder = new TextDecoder()
  let all = ''
  for await (const chunk of new ChunkIterator(channel)) all += decoder.decode(chunk)
  return all
}

test.each(vectors.tokens)('token $token', ({ token, hex: bytes }) => {
  expect(hex(encodeToken(token))).toBe(bytes)
  const decoder = new TokenDecoder()
  decoder.push(Buffer.from(bytes, 'hex'))
  expect(decoder.next()).toBe(token)
  expect(decoder.takeRest()).toBeUndefined()
})

test.each(vectors.dialogues)('dialogue: $name, cut in every way', (dialogue) => {
  for (const step of [1, 3, 1000]) {
    const dialer = new DialerNegotiation(dialogue.dialer)
    const listener = new ListenerNegotiation((protocol) => dialogue.listener.includes(protocol))
    let [dialerSends, listenerSends] = [hex(dialer.start()), '']
    let [agreed, refused] = [null as string | null, false]
    let [toListener, toDialer] = [Buffer.from(dialer.start()), Buffer.alloc(0)]
    for (let round = 0; round < 1000 && (toListener.length > 0 || toDialer.length > 0); round++) {
      if (toListener.length > 0) {
        const { send } = listener.push(toListener.subarray(0, step))
        toListener = toListener.subarray(step)
        if (send !== undefined) {
          listenerSends += hex(send)
          toDialer = Buffer.concat([toDialer, send])
        }
      }
      if (toDialer.length > 0 && !refused) {
        try {
          const { send, protocol } = dialer.push(toDialer.subarray(0, step))
          if (protocol !== undefined) agreed = protocol
          if (send !== undefined) {
            dialerSends += hex(send)
            toListener = Buffer.concat([toListener, send])
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL', remote: true })
          refused = true
        }
        toDialer = toDialer.subarray(step)
      }
    }
    expect({ agreed, dialerSends, listenerSends }).toEqual({
      agreed: dialogue.agreed,
      dialerSends: dialogue.dialerSends,
      listenerSends: dialogue.listenerSends
    })
    expect(refused).toBe(dialogue.agreed === null)
  }
})

test('both sides agree and neither loses a byte behind the negotiation', async () => {
  const [a, b] = channelPair()
  const handled = handle(b, ['/two'], { clock })
  expect(await select(a, ['/one', '/two'], { clock })).toBe('/two')
  expect(await handled).toBe('/two')
  a.send(text('hello'))
  await a.closeWrite()
  expect(await readAll(b)).toBe('hello')
})

test('an optimistic dialler sends its first bytes with the proposal', async () => {
  const [a, b] = channelPair()
  selectOptimistic(a, '/echo')
  a.send(text('first bytes'))
  await a.closeWrite()
  let agreed = ''
  const heard = new Promise<string>((resolve) => {
    listen(
      b,
      (protocol) => protocol === '/echo',
      (protocol) => {
        agreed = protocol
        b.send(text('answer'))
        resolve(readAll(b))
      }
    )
  })
  const reading = readAll(a)
  expect(await heard).toBe('first bytes')
  await b.closeWrite()
  expect(await reading).toBe('answer')
  expect(agreed).toBe('/echo')
})

test('a refused optimistic dialler is reset with the reason', async () => {
  const [a, b] = channelPair()
  selectOptimistic(a, '/echo')
  listen(
    b,
    () => false,
    () => {}
  )
  b.attach({ data: () => {}, end: () => {}, closed: () => {} })
  await expect(readAll(a)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL' })
})

const hostile: [string, Uint8Array][] = [
  ['a token of 1 MiB', Uint8Array.of(0x80, 0x80, 0x40, 1)],
  ['an empty token', Uint8Array.of(0)],
  ['a length that never ends', new Uint8Array(16).fill(0xff)],
  ['a token without newline', Uint8Array.of(3, 0x6e, 0x61, 0x62)],
  ['another protocol', encodeToken('/http/1.1')]
]
test.each(hostile)('%s resets the channel of either side', async (_name, bytes) => {
  for (const side of ['dialer', 'listener']) {
    const [a, b] = channelPair()
    b.send(bytes)
    const outcome = side === 'dialer' ? select(a, ['/x'], { clock }) : handle(a, ['/x'], { clock })
    const error: unknown = await outcome.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ remote: true })
    expect(['ERR_DECODE', 'ERR_MESSAGE_TOO_LARGE', 'ERR_PROTOCOL_VIOLATION']).toContain(
      (error as { code: string }).code
    )
    expect(a.status).toBe('reset')
    await expect(readAll(b)).rejects.toThrow()
  }
})

test('endless proposals and endless refusals end the negotiation', async () => {
  const [a, b] = channelPair()
  const handled = handle(b, ['/x'], { clock })
  a.send(encodeToken('/multistream/1.0.0'))
  for (let count = 0; count < 100; count++) a.send(encodeToken(`/${count}`))
  await expect(handled).rejects.toMatchObject({ code: 'ERR_PROTOCOL_VIOLATION' })

  const [c, d] = channelPair()
  d.send(encodeToken('/multistream/1.0.0'))
  for (let count = 0; count < 100; count++) d.send(encodeToken('na'))
  await expect(select(c, ['/x', '/y'], { clock })).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL' })
})

test('a peer that drips or says nothing is given up after the bound', async () => {
  const [a, b] = channelPair()
  b.send(Uint8Array.of(19, 0x2f))
  await expect(handle(a, ['/x'], { clock, timeoutMs: 20 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT', remote: true })
  expect(a.status).toBe('reset')
})

test('a signal ends the wait with its reason', async () => {
  const [a] = channelPair()
  const abort = new AbortController()
  const selecting = select(a, ['/x'], { clock, signal: abort.signal })
  abort.abort(new Error('enough'))
  await expect(selecting).rejects.toThrow('enough')
  expect(a.status).toBe('reset')
})

test('a remote that ends in the middle is told from one that refuses', async () => {
  const [a, b] = channelPair()
  b.send(encodeToken('/multistream/1.0.0'))
  await b.closeWrite()
  await expect(select(a, ['/x'], { clock })).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_END' })
})

test('proposals that come together are answered one by one', () => {
  const listener = new ListenerNegotiation((protocol) => protocol === '/b')
  const answer = listener.push(Buffer.concat([multistreamProtocol, '/a', '/b'].map(encodeToken))).send
  expect(Buffer.from(answer as Uint8Array)).toEqual(Buffer.concat([multistreamProtocol, 'na', '/b'].map(encodeToken)))
})

test.each([0, 1000])(
  'a dialler that counted on a refused protocol, with %s bytes, reads the refusal',
  async (length) => {
    const [near, far] = channelPair()
    listen(
      far,
      () => false,
      () => expect.unreachable(),
      () => void far.close()
    )
    selectOptimistic(near, '/unknown')
    near.send(new Uint8Array(length).fill(1))
    near.closeWrite().catch(() => {})
    await expect(byteReader(near).read(1)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PROTOCOL' })
  }
)
