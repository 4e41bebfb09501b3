import { quic as foreignQuic } from '@chainsafe/libp2p-quic'
import { multiaddr } from '@multiformats/multiaddr'
import { identify } from '@peerloom/identify'
import { createNode } from '@peerloom/core'
import { ping } from '@peerloom/ping'
import { quic } from '@peerloom/quic'
import { identify as fIdentify, identifyPush } from '@libp2p/identify'
import { ping as fPing } from '@libp2p/ping'
import { createLibp2p } from 'libp2p'

const listen = ['/ip4/127.0.0.1/udp/0/quic-v1']
const engine = (process.argv[2] ?? 'quiche') as 'quinn' | 'quiche'
const runs = Number(process.argv[3] ?? 20)
const pushes = Number(process.argv[4] ?? 3)
const GAP = Number(process.env['GAP'] ?? 22)
const verbose = process.argv[5] === 'v'
const wait = (ms: number) => new Promise((r) => setTimeout(r, ms))
async function until(f: () => boolean, ms: number) {
  const end = Date.now() + ms
  while (!f()) {
    if (Date.now() > end) return false
    await wait(2)
  }
  return true
}
const count = { jsSees: [0, 0], weSee: [0, 0] }
for (let run = 0; run < runs; run++) {
  const ours = await createNode({
    addresses: { listen },
    transports: [quic({ engine })],
    services: { ping: ping(), identify: identify({ pushDelayMs: 20 }) }
  })
  const logs: string[] = []
  const logger: any = {
    forComponent: (name: string) => {
      const f: any = (...a: any[]) => {
        logs.push(`${performance.now().toFixed(1)} ${name} ${a.map((x) => x?.message ?? String(x)).join(' ')}`)
      }
      f.error = (...a: any[]) => f('ERR', ...a)
      f.trace = f
      f.newScope = (n: string) => logger.forComponent(name + ':' + n)
      f.enabled = true
      return f
    }
  }
  const js = await createLibp2p({
    ...(verbose ? { logger } : {}),
    addresses: { listen },
    transports: [foreignQuic()],
    services: { ping: fPing(), identify: fIdentify(), push: identifyPush() },
    connectionMonitor: { enabled: false }
  })
  const jsKnows = new Set<string>()
  const weKnow = new Set<string>()
  js.addEventListener('peer:identify', ({ detail }) => {
    for (const p of detail.protocols) jsKnows.add(p)
  })
  ours.events.on('peer:identify', (r) => {
    for (const p of r.protocols) weKnow.add(p)
  })
  if (run % 2) await ours.dial(String(js.getMultiaddrs()[0]))
  else await js.dial(multiaddr(String(ours.multiaddrs()[0])))
  await until(() => jsKnows.size > 0 && weKnow.size > 0, 5000)
  for (let n = 0; n < pushes; n++) {
    logs.length = 0
    for (let k = 0; k < 3; k++) {
      await ours.handle(`/pre/${n}/${k}`, (s) => s.close())
      await wait(GAP)
    }
    await ours.handle(`/a/${n}`, (s) => s.close())
    const seen = await until(() => jsKnows.has(`/a/${n}`), 1500)
    count.jsSees[seen ? 0 : 1]!++
    if (!seen && verbose) {
      console.log(`run ${run} js missed`)
      console.log(logs.join('\n'))
      if (count.jsSees[1]! > 1) process.exit()
    }
  }
  await ours.stop()
  await js.stop()
}
console.log(engine, 'js dials/ours dials alternating', JSON.stringify(count))
process.exit(0)
