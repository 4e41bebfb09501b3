// What frames cost by themselves, beside the `ws` package: a link in one process, without security or muxer.
// Run: node --conditions=@peerloom/source packages/transports/websockets/test/layer.bench.ts
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Channel, type NodeContext, systemClock, systemRandom, type Upgrader } from '@peerloom/interface'
import { webSockets } from '@peerloom/websockets'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'

const totalBytes = 512 * 2 ** 20
const messageBytes = 65_535

async function measured(name: string, work: () => Promise<void>): Promise<void> {
  const [started, before] = [performance.now(), process.cpuUsage()]
  await work()
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  const [rate, cpu] = [totalBytes / 2 ** 20 / seconds, (user + system) / 1e6 / (totalBytes / 2 ** 30)]
  console.log(`${name.padEnd(20)} ${rate.toFixed(0).padStart(5)} MiB/s ${cpu.toFixed(2).padStart(6)} CPU s/GiB`)
}

async function ours(up: boolean): Promise<void> {
  const context = { clock: systemClock, random: systemRandom } as NodeContext
  const accepted: Channel[] = []
  const upgrader = {
    acceptInbound: () => true,
    upgradeInbound: (channel: Channel) => Promise.resolve(void accepted.push(channel)),
    upgradeOutbound: (channel: Channel) => Promise.resolve(channel)
  } as unknown as Upgrader
  const listener = webSockets()(context).createListener({ upgrader })
  await listener.listen(multiaddr('/ip4/127.0.0.1/tcp/0/ws'))
  const dialled = await webSockets()(context).dial(listener.addresses()[0] as Multiaddr, { upgrader })
  while (accepted.length === 0) await nextTurn()
  const ends = [dialled as unknown as Channel, accepted[0] as Channel] as const
  const [from, to] = up ? ends : ([ends[1], ends[0]] as const)
  await measured(`peerloom, ${up ? 'up' : 'down'}`, async () => {
    let got = 0
    const done = new Promise<void>((resolve) => {
      const data = (bytes: Uint8Array): void => {
        got += bytes.length
        if (got >= totalBytes) resolve()
      }
      to.attach({ data, end() {}, closed() {}, transient: true })
    })
    for (let sent = 0; sent < totalBytes; sent += messageBytes) {
      if (!from.send(new Uint8Array(messageBytes))) await from.drained()
    }
    await done
  })
  ends[0].abort(new Error('done'))
  await listener.close()
}

async function theirs(up: boolean): Promise<void> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await new Promise((resolve) => server.once('listening', resolve))
  const accepting = new Promise<WebSocket>((resolve) => server.once('connection', resolve))
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { perMessageDeflate: false })
  await new Promise((resolve) => client.once('open', resolve))
  const accepted = await accepting
  const [from, to] = up ? [client, accepted] : [accepted, client]
  await measured(`ws, ${up ? 'up' : 'down'}`, async () => {
    let got = 0
    const done = new Promise<void>((resolve) => {
      to.on('message', (bytes: Buffer) => {
        got += bytes.length
        if (got >= totalBytes) resolve()
      })
    })
    for (let sent = 0; sent < totalBytes; sent += messageBytes) {
      from.send(new Uint8Array(messageBytes))
      if (from.bufferedAmount > 512 * 1024) while (from.bufferedAmount > 128 * 1024) await nextTurn()
    }
    await done
  })
  client.terminate()
  server.close()
}

for (const up of [true, false]) {
  for (let round = 0; round < 3; round++) {
    await ours(up)
    await theirs(up)
  }
}
