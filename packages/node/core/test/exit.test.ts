import { until } from '@peerloom/conformance'
import { spawn } from 'node:child_process'
import { connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { tcpNode } from './nodes.ts'

const script = new URL('fixtures/lone-node.ts', import.meta.url).pathname
/** A node in a process of its own. */
async function loneNode(...args: string[]) {
  const child = spawn(process.execPath, ['--conditions=@peerloom/source', script, ...args])
  onTestFinished(() => void child.kill('SIGKILL'))
  let [output, errors] = ['', '']
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()))
  let code: number | null | undefined
  child.on('exit', (status) => (code = status))
  await until('the node is up', () => {
    if (code !== undefined) throw new Error(errors)
    return output.includes('/p2p/')
  })
  return {
    address: output.match(/\/ip4\S+/)?.[0] ?? '',
    stop: async (): Promise<string> => {
      child.stdin.write('stop\n')
      await until('the process ends by itself', () => code !== undefined, 15_000)
      expect([code, errors]).toEqual([0, ''])
      return output
    }
  }
}

/** Passes bytes on to a port until it is frozen; from then on it takes nothing and ends nothing. */
async function freezable(port: number): Promise<{ port: number; freeze(): void; end(): void }> {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const out = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    for (const [from, to] of [
      [socket, out],
      [out, socket]
    ] as const) {
      sockets.push(from)
      from.on('error', () => {})
      from.on('data', (bytes) => to.write(bytes))
    }
  })
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    freeze: () => {
      for (const socket of sockets) socket.removeAllListeners('data').pause()
    },
    end: () => {
      for (const socket of sockets) socket.destroy()
    }
  }
}

const portOf = (address: string): number => Number(address.match(/\/tcp\/(\d+)/)?.[1])

test('a process ends when its node has stopped, with open connections and streams both ways', async () => {
  const here = await tcpNode()
  await here.handle('/sink', () => {})
  const lone = await loneNode(here.multiaddrs()[0]?.toString() ?? '')
  await here.dial(lone.address, { force: true })
  expect(await lone.stop()).toContain('stopped, 0 handles left')
  await until('its connections are gone', () => here.connections.list().length === 0)
})

test('a process ends although a peer has fallen silent with its connection open', async () => {
  const here = await tcpNode()
  await here.handle('/sink', () => {})
  const proxy = await freezable(portOf(here.multiaddrs()[0]?.toString() ?? ''))
  const lone = await loneNode(`/ip4/127.0.0.1/tcp/${proxy.port}/p2p/${here.peerId}`)
  await until('the stream is here', () => here.inspect().counts.inboundStreams === 1)
  proxy.freeze()
  expect(await lone.stop()).toContain('stopped, 0 handles left')
  proxy.end()
})

test('a process ends although strangers sit in its handshakes', async () => {
  const lone = await loneNode()
  const strangers = [1, 2, 3].map(() => connect(portOf(lone.address), '127.0.0.1').on('error', () => {}))
  await Promise.all(strangers.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  expect(await lone.stop()).toContain('stopped, 0 handles left')
  for (const socket of strangers) socket.destroy()
})

test('a process ends although it was in the middle of a dial', async () => {
  const mute = createServer((socket) => socket.on('error', () => {}))
  onTestFinished(() => void mute.close())
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  const lone = await loneNode(`/ip4/127.0.0.1/tcp/${(mute.address() as { port: number }).port}`, 'dial')
  expect(await lone.stop()).toMatch(/dial ERR_STOPPED\nstopped, 0 handles left/)
})
