import { startPeerloomPeer } from '../src/peerloom-peer.ts'
import { startPeer } from '../src/start-peer.ts'
const name = (process.argv[2] ?? 'go') as any
const ours = await startPeerloomPeer({ stack: 'webtransport' })
const go = await startPeer(name, { stack: 'webtransport' })
if (go === undefined) {
  console.log('no peer')
  process.exit(1)
}
console.log(go.addresses)
const t = async (n: string, f: () => Promise<unknown>) => {
  const a = performance.now()
  try {
    const r = await f()
    console.log(n, 'ok', JSON.stringify(r)?.slice(0, 200), (performance.now() - a).toFixed(0))
  } catch (e) {
    console.log(n, 'FAIL', (e as any).message, (e as any).attempts ?? '')
  }
}
await t('dial', () => ours.dial(go.addresses[0]!))
for (const [a, b, w] of [
  [ours, go, 'ours'],
  [go, ours, 'go']
] as const) {
  await t(w + ' info', () => a.connectionInfo(b.peerId))
  await t(w + ' ping', () => a.ping(b.peerId, 3))
  for (let k = 0; k < 3; k++) {
    await t(w + ' echo', () => a.echo(b.peerId, { bytes: 10 << 20 }))
    for (const q of (globalThis as any).QC) console.log(JSON.stringify(q.pathStats()[0]), JSON.stringify(q.stats()))
  }
  await t(w + ' digest', async () => {
    for (const bytes of [0, 1, 100_000]) await a.digest(b.peerId, bytes)
  })
  await t(w + ' reset', () => a.reset(b.peerId))
  await t(w + ' sendReset', async () => {
    const r = (await b.stats()).resets
    await a.sendReset(b.peerId)
    for (let i = 0; i < 100 && (await b.stats()).resets === r; i++) await new Promise((r) => setTimeout(r, 20))
    if ((await b.stats()).resets === r) throw new Error('not seen')
  })

  await t(w + ' identify', async () => (await a.identify(b.peerId)).agentVersion)
}
await t('close', () => ours.close(go.peerId))
await new Promise((r) => setTimeout(r, 500))
console.log('go has', await go.connections(ours.peerId))
await ours.stop()
await go.stop()
process.exit(0)
