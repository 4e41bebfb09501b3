import { startPeerloomPeer } from '../src/peerloom-peer.ts'
import { startNpmPeer } from '../src/npm-peer.ts'
const [runs = '6', dialler = 'js', skip = ''] = process.argv.slice(2)
const wait = (ms: number) => new Promise((r) => setTimeout(r, ms))
const count: Record<string, number> = {}
const bump = (k: string) => {
  count[k] = (count[k] ?? 0) + 1
}
for (let run = 0; run < Number(runs); run++) {
  const ours = await startPeerloomPeer({ stack: 'quic-v1 quiche' })
  const js = (await startNpmPeer({ stack: 'quic-v1 quiche' }))!
  const [from, to] = dialler === 'js' ? [js, ours] : [ours, js]
  await from.dial(to.addresses[0]!)
  while ((await to.connections(from.peerId)).length === 0) await wait(5)
  for (const [a, b] of [
    [from, to],
    [to, from]
  ] as const) {
    const check = async (name: string, f: () => Promise<unknown>) => {
      if (skip.includes(name)) return
      try {
        await f()
      } catch (e) {
        bump(`${name} ${a === js ? 'js' : 'ours'} asks: ${(e as Error).message.slice(0, 80)}`)
      }
    }
    await check('ping', () => a.ping(b.peerId, 3))
    await check('echo', () => a.echo(b.peerId, { bytes: 10 << 20 }))
    await check('digest', async () => {
      for (const bytes of [0, 1, 100_000]) await a.digest(b.peerId, bytes)
    })
    if (a !== js) await check('reset', () => a.reset(b.peerId))
    if (b !== js) await check('sendReset', () => a.sendReset(b.peerId))
    await check('many', () => a.echo(b.peerId, { bytes: 50_000, streams: 100 }))
    await check('identify', () => a.identify(b.peerId))
  }
  for (const [a, b] of [
    [from, to],
    [to, from]
  ] as const) {
    const p = `/interop/added-for-${a === js ? 'js' : 'ours'}/1.0.0`
    await a.identify(b.peerId)
    const t = Date.now()
    await b.handle(p)
    let seen = false
    while (!seen && Date.now() - t < 6000) {
      seen = (await a.identify(b.peerId)).protocols.includes(p)
      if (!seen) await wait(20)
    }
    bump(`${a === js ? 'js' : 'ours'} ${seen ? 'sees' : 'MISSES'} push`)
  }
  await from.close(to.peerId)
  const t = Date.now()
  while ((await to.connections(from.peerId)).length > 0 && Date.now() - t < 3000) await wait(10)
  bump((await to.connections(from.peerId)).length > 0 ? 'bye MISSED' : 'bye ok')
  await ours.stop()
  await js.stop()
}
console.log(dialler, 'dials', JSON.stringify(count))
process.exit(0)
