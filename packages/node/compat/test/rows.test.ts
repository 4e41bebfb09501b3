import { noise as frozenNoise } from '@chainsafe/libp2p-noise'
import { noise as theirNoise } from '@libp2p/noise'
import { tcp as theirTcp } from '@libp2p/tcp'
import { yamux as theirYamux } from '@libp2p/yamux'
import { fromLibp2p, toLibp2p } from '@peerloom/compat'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLibp2p } from './libp2p-peer.ts'
import { echo, fill, type Link, type Peer, protocols, readFirst, sendAll, testBytes } from './peer.ts'
import { startPeerloom } from './peerloom-peer.ts'

const mixed: Record<string, () => Promise<Peer>> = {
  'Peerloom with @libp2p/noise': () => startPeerloom({ security: fromLibp2p(theirNoise()) }),
  'Peerloom with @chainsafe/libp2p-noise': () => startPeerloom({ security: fromLibp2p(frozenNoise()) }),
  'Peerloom with @libp2p/yamux': () => startPeerloom({ muxer: fromLibp2p(theirYamux()) }),
  'Peerloom with @libp2p/tcp': () => startPeerloom({ transport: fromLibp2p(theirTcp()) }),
  'Peerloom with all three': () =>
    startPeerloom({
      transport: fromLibp2p(theirTcp()),
      security: fromLibp2p(theirNoise()),
      muxer: fromLibp2p(theirYamux())
    }),
  'js-libp2p with @peerloom/noise': () => startLibp2p({ security: toLibp2p(noise()) }),
  'js-libp2p with @peerloom/yamux': () => startLibp2p({ muxer: toLibp2p(yamux()) }),
  'js-libp2p with @peerloom/tcp': () => startLibp2p({ transport: toLibp2p(tcp()) }),
  'js-libp2p with all three': () =>
    startLibp2p({ transport: toLibp2p(tcp()), security: toLibp2p(noise()), muxer: toLibp2p(yamux()) })
}
const plain: Record<string, () => Promise<Peer>> = {
  Peerloom: () => startPeerloom(),
  'js-libp2p': () => startLibp2p()
}
/** A window, and what the queues between two applications take. */
const maxUnderWay = 4 << 20
/** What both implementations of yamux let a window grow to. */
const maxWindow = 16 << 20
const rows = Object.keys(mixed).flatMap((ours) =>
  Object.keys(plain).flatMap((other) => [
    { from: ours, to: other },
    { from: other, to: ours }
  ])
)
const start = (name: string): Promise<Peer> => (mixed[name] ?? plain[name])!()

describe.each(rows)('$from dials $to', ({ from, to }) => {
  let near: Peer
  let far: Peer
  let link: Link

  beforeAll(async () => {
    ;[near, far] = await Promise.all([start(from), start(to)])
    link = await near.dial(far.address)
  })

  afterAll(async () => {
    await Promise.all([near?.stop(), far?.stop()])
  })

  it('agrees on Noise and yamux', () => {
    expect(link).toMatchObject({ security: '/noise', muxer: '/yamux/1.0.0' })
  })

  it('gets 10 MiB back', async () => {
    const bytes = testBytes(10 << 20)
    const answer = await echo(await link.open(protocols.echo), bytes)
    expect(Buffer.compare(answer, bytes)).toBe(0)
  })

  it('is answered after it has closed its end', async () => {
    const stream = await link.open(protocols.count)
    const answer = stream.readAll()
    await sendAll(stream, testBytes(100_000))
    expect(new TextDecoder().decode(await answer)).toBe('100000')
  })

  it('sees a reset', async () => {
    const stream = await link.open(protocols.reset)
    const answer = stream.readAll()
    stream.send(Uint8Array.of(1))
    await expect(answer).rejects.toThrow(/reset/)
  })

  it('resets', async () => {
    const stream = await link.open(protocols.watch)
    stream.send(Uint8Array.of(1))
    await far.seen
    stream.abort(new Error('as the test asks'))
    expect((await far.watched).message).toMatch(/reset/)
  })

  it('is held back by a reader that does not read, and loses nothing', async () => {
    const stream = await link.open(protocols.hold)
    const answer = stream.readAll()
    const sent = await fill(stream)
    expect(sent).toBeLessThan(maxUnderWay)
    far.release()
    await stream.closeWrite()
    expect(new TextDecoder().decode(await answer)).toBe(String(sent))
  })
})

describe.each(rows.filter(({ from, to }) => /yamux|all/.test(from + to)))('$from dials $to', ({ from, to }) => {
  it('is held back by a reader that stops when windows have grown', async () => {
    const [near, far] = await Promise.all([start(from), start(to)])
    try {
      const link = await near.dial(far.address)
      const stream = await link.open(protocols.holdLater)
      const answer = stream.readAll()
      const sent = await fill(stream)
      expect(sent).toBeLessThan(readFirst + maxWindow + maxUnderWay)
      far.release()
      await stream.closeWrite()
      expect(new TextDecoder().decode(await answer)).toBe(String(sent))
    } finally {
      await Promise.all([near.stop(), far.stop()])
    }
  })
})
