import type { Connection, StreamHandler } from '@peerloom/interface'
import { describe, expect, test } from 'vitest'
import type { OtherPeer } from './browser.ts'
import { echoes } from './echoes.ts'
import { until, untilAnswer } from './until.ts'

/** As much of a page's node as the suite drives. */
export interface PageNode {
  handle(protocol: string, handler: StreamHandler): Promise<void>
  dial(address: string): Promise<Connection>
}

export interface PageMeeting {
  readonly node: PageNode
  /** A Node process that serves with `serveNode`. */
  readonly peer: OtherPeer<unknown>
  readonly addresses: readonly string[]
}

const mebibyte = 1024 * 1024
/** A good-bye can be lost on its way, where it is a datagram: then ICE notices, in half a minute. */
const noticeMs = 45_000

/** What every transport of a page promises of the connections that it dials to Node. */
export function testPage(name: string, meeting: () => Promise<PageMeeting>): void {
  const connected = async (): Promise<PageMeeting & { connection: Connection }> => {
    const met = await meeting()
    return { ...met, connection: await met.node.dial(met.addresses[0] as string) }
  }

  describe(`a page, ${name}`, () => {
    test('it dials every address of a listener, and megabytes come back both ways', async () => {
      const { peer, node, addresses } = await meeting()
      await node.handle('/echo', (stream) => stream.sink(stream))
      for (const address of addresses) {
        const connection = await node.dial(address)
        expect(connection.remoteAddress.toString()).toBe(address)
        await echoes(await connection.openStream('/echo'), 4 * mebibyte)
        expect(await peer.ask('roundTrip', 2 * mebibyte)).toBe(2 * mebibyte)
        await connection.close()
        await untilAnswer(() => peer.ask('connections'), 0)
      }
    })

    test('60 streams at once, each with its own bytes', async () => {
      const { connection } = await connected()
      await Promise.all(
        Array.from({ length: 60 }, async (_, at) => echoes(await connection.openStream('/echo'), 1000 * (at + 1)))
      )
      await until('no stream is left', () => connection.streams.length === 0)
    })

    test('everything that was written before a close arrives', async () => {
      const { peer, connection } = await connected()
      const stream = await connection.openStream('/hold')
      for (let at = 0; at < 64; at++) await stream.write(new Uint8Array(50_000))
      await stream.close()
      await connection.close()
      await untilAnswer(() => peer.ask('held'), 3_200_000)
    })

    test('a remote that takes nothing stops the page', async () => {
      const { connection } = await connected()
      const stream = await connection.openStream('/deaf')
      let accepted = 0
      while (stream.writable && accepted < 64 * mebibyte) {
        stream.send(new Uint8Array(mebibyte / 4))
        accepted += mebibyte / 4
        await Promise.race([stream.drained(), new Promise((resolve) => setTimeout(resolve, 300))])
      }
      expect(accepted).toBeLessThan(64 * mebibyte)
      stream.abort(new Error('the test is over'))
    })

    test('a lost connection is noticed on either side, each time', { timeout: 6 * noticeMs }, async () => {
      const { peer, node, addresses } = await meeting()
      for (let round = 0; round < 3; round++) {
        const lost = await node.dial(addresses[0] as string)
        await untilAnswer(() => peer.ask('connections'), 1)
        await peer.ask('abort')
        await until('the page has noticed', () => lost.status === 'closed', noticeMs)
        const given = await node.dial(addresses[0] as string)
        await untilAnswer(() => peer.ask('connections'), 1)
        given.abort(new Error('enough'))
        await untilAnswer(() => peer.ask('connections'), 0, noticeMs)
      }
    })
  })
}
