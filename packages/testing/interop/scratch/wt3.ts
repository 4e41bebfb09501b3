import { startPeerloomPeer } from '../src/peerloom-peer.ts'
import { startPeer } from '../src/start-peer.ts'
const ours = await startPeerloomPeer({ stack: process.argv[2] as any })
const go = (await startPeer('go', { stack: process.argv[2] as any }))!
await ours.dial(go.addresses[0]!)
const cpu = () => {
  const u = process.cpuUsage()
  return (u.user + u.system) / 1e6
}
for (let k = 0; k < 3; k++)
  for (const [a, b, w] of [
    [ours, go, 'ours'],
    [go, ours, 'go']
  ] as const) {
    const t = performance.now(),
      c = cpu()
    await a.echo(b.peerId, { bytes: 10 << 20 })
    console.log(w, 'echo', (performance.now() - t).toFixed(0), 'ms, our cpu', (cpu() - c).toFixed(2))
  }
await ours.stop()
await go.stop()
process.exit(0)
