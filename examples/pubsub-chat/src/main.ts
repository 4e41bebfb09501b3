// A chat room without a server. Run with: node src/main.ts
// Each person is a process that knows the address of one other; the first one starts the others.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createNode } from '@peerloom/core'
import { gossipsub } from '@peerloom/gossipsub'
import { identify } from '@peerloom/identify'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'

const lines: Readonly<Record<string, string>> = {
  ada: 'good evening, everybody',
  alan: 'who keeps this room open?',
  grace: 'nobody, each of us passes it on',
  edsger: 'then nobody can close it'
}
const names = Object.keys(lines)
const topic = 'room'
const [, , name = 'ada', address] = process.argv

const node = await createNode({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify(), pubsub: gossipsub({ heartbeatMs: 200 }) }
})
const { pubsub } = node.services

const heard = new Set<string>()
const heardAll = new Promise<void>((resolve) => {
  pubsub.subscribe(topic, ({ data, receivedFrom }) => {
    const said = new TextDecoder().decode(data)
    // Whoever came late was not there when it was said, so everybody repeats themselves until all are heard.
    if (receivedFrom === undefined || heard.has(said)) return
    heard.add(said)
    console.log(`${name} hears ${said}`)
    if (heard.size === names.length - 1) resolve()
  })
})

if (address !== undefined) await node.dial(address)
const nextName = names[names.indexOf(name) + 1]
const next =
  nextName === undefined ? undefined : fork(fileURLToPath(import.meta.url), [nextName, String(node.multiaddrs()[0])])
const nextHeardAll = next === undefined ? undefined : once(next, 'message')

const speak = (): void => {
  void pubsub.publish(topic, new TextEncoder().encode(`${name}: ${lines[name]}`))
}
speak()
const speaking = setInterval(speak, 200)
await heardAll
await nextHeardAll
// Everybody stays until the first one knows that all have heard all, and lets them go.
if (process.send !== undefined) {
  process.send('heard all')
  await once(process, 'disconnect')
}
next?.disconnect()
if (next !== undefined) await once(next, 'exit')
clearInterval(speaking)
await node.stop()
