import { createNode } from '@peerloom/core'
import { ManualClock, until } from '@peerloom/conformance'
import { defineModule, type Module, type Startable } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { connect, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { Lab } from './lab-transport.ts'
import { memoryNetwork, memoryNode, tcpNode } from './nodes.ts'

function service(name: string, log: string[], fail?: 'start' | 'stop'): Module<Startable> {
  return defineModule({
    name,
    create: () => ({
      start: async () => {
        log.push(`${name} starts`)
        if (fail === 'start') throw new Error(`${name} cannot start`)
      },
      stop: async () => {
        log.push(`${name} stops`)
        if (fail === 'stop') throw new Error(`${name} cannot stop`)
      }
    })
  })
}

const stack = { transports: [tcp()], connectionEncryption: [noise()], streamMuxers: [yamux()] }

test('services start in order and stop in reverse; both calls are idempotent', async () => {
  const log: string[] = []
  const node = await createNode({ start: false, services: { one: service('one', log), two: service('two', log) } })
  expect(node.status).toBe('stopped')
  await Promise.all([node.start(), node.start()])
  expect(node.status).toBe('started')
  await Promise.all([node.stop(), node.stop()])
  expect(node.status).toBe('stopped')
  expect(log).toEqual(['one starts', 'two starts', 'two stops', 'one stops'])
})

test('start and stop take effect in the order of the calls', async () => {
  const log: string[] = []
  const node = await createNode({ start: false, services: { one: service('one', log) } })
  await Promise.all([node.start(), node.stop(), node.start(), node.stop()])
  expect(log).toEqual(['one starts', 'one stops', 'one starts', 'one stops'])
  expect(node.status).toBe('stopped')
})

test('a start that fails leaves nothing behind, and says why', async () => {
  const log: string[] = []
  const services = { one: service('one', log, 'stop'), two: service('two', log, 'start'), three: service('three', log) }
  const node = await createNode({ start: false, services, ...stack })
  await expect(node.start()).rejects.toThrow('two cannot start')
  expect(node.status).toBe('stopped')
  expect(log).toEqual(['one starts', 'two starts', 'two stops', 'one stops'])
  await expect(node.dial('/ip4/127.0.0.1/tcp/1')).rejects.toMatchObject({ code: 'ERR_NOT_STARTED' })
})

test('an address that is taken fails the start, and frees those that were not', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const other = await tcpNode()
  const free =
    other
      .multiaddrs()[0]
      ?.toString()
      .replace(/\/p2p\/.*/, '') ?? ''
  await other.stop()
  const listen = [free, `/ip4/127.0.0.1/tcp/${port}`]
  try {
    await expect(createNode({ ...stack, addresses: { listen } })).rejects.toMatchObject({ code: 'ERR_LISTEN' })
    const again = await tcpNode({ addresses: { listen: [free] } })
    expect(again.multiaddrs()).toHaveLength(1)
  } finally {
    taken.close()
  }
})

test('an address that no transport listens on fails the start', async () => {
  await expect(createNode({ ...stack, addresses: { listen: ['/memory/x'] } })).rejects.toMatchObject({
    code: 'ERR_NO_TRANSPORT'
  })
})

test('a stop that meets a failure stops all the rest, then tells', async () => {
  const log: string[] = []
  const services = { one: service('one', log), two: service('two', log, 'stop') }
  const node = await createNode({ services, ...stack, addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } })
  await expect(node.stop()).rejects.toMatchObject({ code: 'ERR_STOPPED', cause: { message: 'two cannot stop' } })
  expect(log.slice(2)).toEqual(['two stops', 'one stops'])
  expect(node.status).toBe('stopped')
  expect(node.multiaddrs()).toEqual([])
})

test('a stopped node starts again, with a new port, and is reached', async () => {
  const far = await tcpNode()
  const near = await tcpNode()
  for (let round = 0; round < 3; round++) {
    await far.stop()
    expect(far.multiaddrs()).toEqual([])
    await far.start()
    const connection = await near.dial(far.multiaddrs(), { force: true })
    expect(connection.remotePeer.equals(far.peerId)).toBe(true)
  }
  await until('the lost ones are gone', () => near.connections.list().length === 1)
})

test.each(['lost', 'mute'] as const)('a stop during a dial to a %s address ends the dial', async (fate) => {
  const network = memoryNetwork()
  const lab = new Lab(network)
  const clock = new ManualClock()
  const far = await memoryNode(network)
  const near = await memoryNode(network, { transports: [lab.transport()], addresses: {}, clock })
  near.peers.addAddresses(far.peerId, lab.map({ '/ip4/10.0.0.1/tcp/1': fate }))
  const dialling = expect(near.dial(far.peerId)).rejects.toMatchObject({ code: 'ERR_STOPPED' })
  await until('it is under way', () => lab.started.length === 1)
  await near.stop()
  await dialling
  expect(clock.pending).toBe(0)
  await expect(near.dial(far.peerId)).rejects.toMatchObject({ code: 'ERR_NOT_STARTED' })
})

test('a stop ends links of strangers who have not said who they are', async () => {
  const node = await tcpNode()
  const port = Number(/tcp\/(\d+)/.exec(String(node.multiaddrs()[0]))?.[1])
  const strangers = await Promise.all(
    [1, 2, 3].map(
      () =>
        new Promise<ReturnType<typeof connect>>((resolve) => {
          const socket = connect(port, '127.0.0.1', () => resolve(socket))
          socket.on('error', () => {})
        })
    )
  )
  await until('they are inside', () => node.inspect().limits.transient.connectionsInbound === 3)
  const closed = strangers.map((socket) => new Promise((resolve) => socket.on('close', resolve)))
  await node.stop()
  await Promise.all(closed)
  expect(node.inspect().limits.transient.connectionsInbound).toBe(0)
})
