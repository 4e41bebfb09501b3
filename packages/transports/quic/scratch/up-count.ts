// two processes: listener (fork) and dialer; MiB/s and CPU
import { fork } from 'node:child_process'
import { createNode } from '@peerloom/core'
import { quic } from '@peerloom/quic'
const engine = (process.argv[2] ?? 'quiche') as 'quinn' | 'quiche'
const mib = Number(process.argv[3] ?? 64)
const cpu = () => {
  const u = process.cpuUsage()
  return (u.user + u.system) / 1e6
}
if (process.send !== undefined && process.env['CHILD'] === '1') {
  const node = await createNode({
    addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1'] },
    transports: [quic({ engine })]
  })
  await node.handle('/up/1', (stream) => {
    let got = 0
    let at = 0
    let c0 = 0
    stream.attach({
      data: (b) => {
        if (got === 0) {
          at = performance.now()
          c0 = cpu()
        }
        got += b.length
      },
      end: () => {
        process.send!({ got, ms: performance.now() - at, cpu: cpu() - c0 })
        void stream.close()
      },
      closed() {}
    })
  })
  process.send({ address: String(node.multiaddrs()[0]) })
  process.on('message', async () => {
    await node.stop()
    console.log(
      'counts',
      process.env['CHILD'] ? 'listener' : 'dialer',
      'flush',
      (globalThis as any).F,
      'sent',
      (globalThis as any).S,
      'received',
      (globalThis as any).R
    )
    process.exit(0)
  })
} else {
  const child = fork(process.argv[1]!, process.argv.slice(2), {
    env: { ...process.env, CHILD: '1' },
    execArgv: [
      ...process.execArgv.filter((a) => !a.startsWith('--cpu-prof')),
      ...(process.env['CPROF'] ? ['--cpu-prof', '--cpu-prof-dir=/tmp/prof-l'] : [])
    ]
  })
  const next = () => new Promise<any>((r) => child.once('message', r))
  const { address } = await next()
  const node = await createNode({ transports: [quic({ engine })] })
  for (let round = 0; round < Number(process.argv[4] ?? 3); round++) {
    const connection = await node.dial(address)
    const stream = await connection.openStream('/up/1')
    const result = next()
    const c0 = cpu()
    const chunk = new Uint8Array(65536)
    for (let n = 0; n < mib * 16; n++) if (!stream.send(chunk.slice())) await stream.drained()
    await stream.closeWrite()
    const r = await result
    console.log(
      engine,
      `${(r.got / 2 ** 20 / (r.ms / 1000)).toFixed(1)} MiB/s, listener ${(r.cpu / (r.got / 2 ** 30)).toFixed(1)} s/GiB, dialer ${((cpu() - c0) / (r.got / 2 ** 30)).toFixed(1)} s/GiB`
    )
    await connection.close()
  }
  child.send('stop')
  await node.stop()
  console.log(
    'counts',
    process.env['CHILD'] ? 'listener' : 'dialer',
    'flush',
    (globalThis as any).F,
    'sent',
    (globalThis as any).S,
    'received',
    (globalThis as any).R
  )
  process.exit(0)
}
