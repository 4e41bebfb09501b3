import { until } from '@peerloom/conformance'
import { isPeerloomError, type Stream } from '@peerloom/interface'
import { expect, test } from 'vitest'
import { type Cut, Cutter, type Ending } from './cutter.ts'
import { tcpNode, type TestNode } from './nodes.ts'

const long = process.env['PEERLOOM_LONG'] === '1'

async function linked(upgradeTimeoutMs = 5000) {
  const far = await tcpNode({ upgradeTimeoutMs })
  const near = await tcpNode({ addresses: {}, upgradeTimeoutMs })
  await far.handle('/echo', (stream) => stream.sink(stream))
  const cutter = await Cutter.to(Number(/tcp\/(\d+)/.exec(String(far.multiaddrs()[0]))?.[1]))
  const target = `${cutter.address}/p2p/${far.peerId}`
  return { near, far, cutter, target }
}

const idle = (node: TestNode): boolean => {
  const { connections, limits, counts } = node.inspect()
  const used = [...Object.values(limits.system), ...Object.values(limits.transient)]
  const { pendingDials, inboundStreams } = counts
  return connections.length + pendingDials + inboundStreams === 0 && used.every((amount) => amount === 0)
}

/** Dials, sends a message around and closes; tells how that went wrong, if it did. */
async function roundTrip(near: TestNode, target: string): Promise<unknown> {
  try {
    const connection = await near.dial(target)
    const stream = await connection.openStream('/echo')
    await stream.write(new Uint8Array(5000))
    await stream.closeWrite()
    let got = 0
    for await (const bytes of stream) got += bytes.length
    expect(got).toBe(5000)
    await connection.close()
    return undefined
  } catch (error) {
    return error
  }
}

async function cutsEverywhere(ending: Ending, upTo: { out: number; in: number }, step: number): Promise<number> {
  const { near, far, cutter, target } = await linked()
  let failed = 0
  for (const direction of ['out', 'in'] as const) {
    for (let afterBytes = 0; afterBytes <= upTo[direction]; afterBytes += long ? 1 : step) {
      cutter.cut = { direction, afterBytes, ending } satisfies Cut
      const error = await roundTrip(near, target)
      if (error !== undefined) failed++
      expect(error === undefined || isPeerloomError(error), `${direction} ${afterBytes}: ${error}`).toBe(true)
      cutter.end(ending)
      await until(`nothing is left, cut ${direction} after ${afterBytes}`, () => idle(near) && idle(far))
    }
  }
  return failed
}

test('how many bytes a round trip takes', async () => {
  const { near, cutter, target } = await linked()
  expect(await roundTrip(near, target)).toBeUndefined()
  // The cuts below reach behind the handshakes and the echo.
  expect(cutter.passed.out).toBeLessThan(6000)
  expect(cutter.passed.in).toBeLessThan(6000)
})

test.each(['end', 'reset'] as const)(
  'a link cut by %s after any byte of the handshakes fails in a typed way and leaves nothing',
  async (ending) => {
    expect(await cutsEverywhere(ending, { out: 300, in: 300 }, 7)).toBeGreaterThan(50)
  },
  long ? 300_000 : 60_000
)

test.each(['end', 'reset'] as const)(
  'a link cut by %s while frames go around or the connection closes leaves nothing',
  async (ending) => {
    expect(await cutsEverywhere(ending, { out: 5800, in: 5800 }, 463)).toBeGreaterThan(10)
  },
  long ? 600_000 : 60_000
)

test.each([0, 1, 19, 20, 40, 62])(
  'a dialler that falls silent after %s bytes is dropped in time',
  async (afterBytes) => {
    const { near, far, cutter, target } = await linked(300)
    cutter.cut = { direction: 'out', afterBytes, ending: 'silence' }
    await expect(near.dial(target)).rejects.toMatchObject({ code: 'ERR_DIAL', attempts: [{ code: 'ERR_TIMEOUT' }] })
    await until('the listener has dropped it', () => idle(far))
    expect(idle(near)).toBe(true)
  }
)

test.each([0, 1, 27, 100, 245])(
  'a listener that falls silent after %s bytes is given up in time',
  async (afterBytes) => {
    const { near, far, cutter, target } = await linked(300)
    cutter.cut = { direction: 'in', afterBytes, ending: 'silence' }
    await expect(near.dial(target)).rejects.toMatchObject({ code: 'ERR_DIAL', attempts: [{ code: 'ERR_TIMEOUT' }] })
    await until('the listener has dropped it', () => idle(far))
    expect(idle(near)).toBe(true)
  }
)

test.each(['end', 'reset'] as const)(
  'a transfer that is cut by %s fails on both sides, and nothing waits',
  async (ending) => {
    const { near, far, cutter, target } = await linked()
    const served: Stream[] = []
    let received = 0
    const reading = new Promise<void>((resolve, reject) => {
      void far.handle('/take', async (stream) => {
        served.push(stream)
        try {
          for await (const bytes of stream) received += bytes.length
          resolve()
        } catch (error) {
          reject(error as Error)
        }
      })
    })
    const stream = await near.openStream(target, '/take')
    const writing = (async () => {
      for (;;) await stream.write(new Uint8Array(64 * 1024))
    })()
    const reader = stream[Symbol.asyncIterator]().next()
    const all = Promise.allSettled([writing, reader, reading])
    await until('it is under way', () => received > 2_000_000)
    cutter.end(ending)
    for (const result of await all) {
      expect(result.status === 'rejected' && isPeerloomError(result.reason)).toBe(true)
    }
    expect([stream.status, served[0]?.status]).toEqual(['reset', 'reset'])
    await until('nothing is left', () => idle(near) && idle(far))
  }
)

test('a connection that is cut while it closes is closed', async () => {
  for (const ending of ['end', 'reset'] as const) {
    const { near, far, cutter, target } = await linked()
    const connection = await near.dial(target)
    await until('both know of it', () => far.connections.list().length === 1)
    const closing = connection.close()
    cutter.end(ending)
    await closing
    await until('nothing is left', () => idle(near) && idle(far))
  }
})
