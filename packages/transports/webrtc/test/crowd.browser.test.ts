import { nodePeer, pagePeer, type ServedTold } from '@peerloom/conformance/browser'
import { expect, test } from 'vitest'

interface Snapshot {
  readonly counts: { readonly connections: number }
  readonly limits: unknown
}

const pageCount = 2
const perPage = 25

test('50 connections from pages, and nothing is left when the pages have gone', { timeout: 120_000 }, async () => {
  const [peer, ...pages] = await Promise.all([
    nodePeer<ServedTold>('./serving-peer.ts'),
    ...Array.from({ length: pageCount }, () => pagePeer('./crowd-page.ts'))
  ])
  const snapshot = async (): Promise<Snapshot> => (await peer.ask('snapshot')) as Snapshot
  const empty = await snapshot()
  const entered = await Promise.all(pages.map((page) => page.ask('enter', peer.told.addresses[0], perPage)))
  expect(entered).toEqual(pages.map(() => perPage))
  expect((await snapshot()).counts.connections).toBe(pageCount * perPage)
  await Promise.all(pages.map((page) => page.stop()))
  // A page that is closed says no good-bye: ICE notices in half a minute.
  await expect.poll(snapshot, { timeout: 60_000 }).toEqual(empty)
})
