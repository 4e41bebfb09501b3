import { nodePeer, pagePeer } from '@peerloom/conformance/browser'
import { expect, test } from 'vitest'

interface Snapshot {
  readonly counts: { readonly connections: number }
  readonly limits: unknown
}

/** A browser has no more than 255 WebSockets for each of its contexts. */
const pageCount = 5
const perPage = 100
const kibibyte = 1024

test(
  '500 connections from pages, one more is refused, and nothing is left when the pages have gone',
  {
    timeout: 120_000
  },
  async () => {
    const [peer, ...pages] = await Promise.all([
      nodePeer<{ readonly address: string }>('./crowd-peer.ts'),
      ...Array.from({ length: pageCount }, () => pagePeer('./crowd-page.ts'))
    ])
    const { address } = peer.told
    const snapshot = async (): Promise<Snapshot> => (await peer.ask('snapshot')) as Snapshot
    const memory = async (): Promise<number> => (await peer.ask('memory')) as number
    const empty = await snapshot()
    const before = await memory()

    const entered = await Promise.all(pages.map((page) => page.ask('enter', address, perPage)))
    expect(entered).toEqual(pages.map(() => perPage))
    expect((await snapshot()).counts.connections).toBe(pageCount * perPage)
    const taken = (await memory()) - before
    expect(taken).toBeLessThan(pageCount * perPage * 64 * kibibyte)

    expect(await pages[0]?.ask('failure', address)).toEqual(['ERR_CHANNEL_RESET'])
    expect((await snapshot()).counts.connections).toBe(pageCount * perPage)
    expect(await Promise.all(pages.map((page) => page.ask('connected')))).toEqual(pages.map(() => perPage))

    await Promise.all(pages.map((page) => page.stop()))
    await expect.poll(snapshot, { timeout: 20_000 }).toEqual(empty)
    expect((await memory()) - before).toBeLessThan(taken / 2)
  }
)
