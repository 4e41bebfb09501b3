// a dials b, a (or b) closes or aborts: how long until the other notices
import { createNode } from '@peerloom/core'
import { quic } from '@peerloom/quic'
const [a, b, who = 'dialer', how = 'close', n = '200'] = process.argv.slice(2) as any[]
const listener = await createNode({
  addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1'] },
  transports: [quic({ engine: b })]
})
const wait = (ms: number) => new Promise((r) => setTimeout(r, ms))
let missed = 0
const times: number[] = []
const par = Number(process.env['PAR'] ?? 1)
async function once() {
  const dialer = await createNode({ transports: [quic({ engine: a })] })
  const c = await dialer.dial(listener.multiaddrs())
  const mine = () => listener.connections.list(dialer.peerId)
  while (mine().length === 0) await wait(0)
  const t = performance.now()
  const closing = who === 'dialer' ? c : mine()[0]!
  const other = who === 'dialer' ? () => mine().length === 0 : () => c.status === 'closed'
  if (how === 'close') await closing.close()
  else closing.abort(new Error('x'))
  while (!other() && performance.now() - t < 1500) await wait(1)
  if (!other()) missed++
  else times.push(performance.now() - t)
  await dialer.stop()
}
for (let i = 0; i < Number(n); i += par) await Promise.all(Array.from({ length: par }, once))
times.sort((x, y) => x - y)
console.log(
  `${a} dials ${b}, ${who} ${how}: missed ${missed} of ${n}; p50 ${times[times.length >> 1]?.toFixed(1)} max ${times.at(-1)?.toFixed(1)} ms`
)
process.exit(0)
