import { bootstrap } from '@peerloom/bootstrap'
import { ManualClock, seededRandom, settle, until } from '@peerloom/conformance'
import type { Node } from '@peerloom/core'
import { type ConnectionProtector, defineModule, type PeerInfo } from '@peerloom/interface'
import { mdns } from '@peerloom/mdns'
import { createSocket } from 'node:dgram'
import { expect, onTestFinished, test } from 'vitest'
import { decodeMessage } from '../src/decode.ts'
import { recordTypes } from '../src/dns-message.ts'
import { encodeMessage } from '../src/encode.ts'
import { freePort, lanNode, loopback } from './nodes.ts'

const connected = (one: Node<object>, two: Node<object>): boolean =>
  one.connections.list(two.peerId).length > 0 && two.connections.list(one.peerId).length > 0

function discoveries(node: Node<object>): PeerInfo[] {
  const found: PeerInfo[] = []
  node.events.on('peer:discovery', (peer) => found.push(peer))
  return found
}

const udpHandles = (): number => process.getActiveResourcesInfo().filter((name) => /udp/i.test(name)).length

/** Somebody else on the network. */
async function stranger(port: number) {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  onTestFinished(() => void socket.close())
  await new Promise<void>((resolve) => socket.bind(port, '0.0.0.0', resolve))
  socket.addMembership('224.0.0.251', '127.0.0.1')
  socket.setMulticastInterface('127.0.0.1')
  const heard: Uint8Array[] = []
  socket.on('message', (bytes) => heard.push(bytes))
  const say = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve) => socket.send(bytes, port, '224.0.0.251', () => resolve()))
  return { say, heard }
}

test('two nodes find each other and connect', async () => {
  const port = freePort()
  const [one, two] = [await lanNode({ port }), await lanNode({ port })]
  await until('connected', () => connected(one, two))
})

test('one node brings others together with the nodes of its list', async () => {
  const port = freePort()
  const far = await lanNode({ port: freePort() })
  const list = far.multiaddrs()
  const near = await lanNode({ port })
  const node = await lanNode({ port }, { peerDiscovery: [mdns({ port, interfaces: [loopback] }), bootstrap({ list })] })
  await until('both are reached', () => connected(node, near) && connected(node, far))
})

test('found addresses are known for as long as they are good', async () => {
  const port = freePort()
  const node = await lanNode({ port }, { autoDialBelow: 0 })
  const other = await lanNode({ port, ttlMs: 5000 }, { autoDialBelow: 0 })
  await until('found', () => node.peers.get(other.peerId) !== undefined)
  const expiresAt = node.peers.get(other.peerId)?.addresses[0]?.expiresAt ?? Infinity
  expect(expiresAt - Date.now()).toBeLessThanOrEqual(5000)
})

test('a service of the node discovers as well', async () => {
  const port = freePort()
  const options = { peerDiscovery: [], services: { lan: mdns({ port, interfaces: [loopback] }) } }
  const [one, two] = [await lanNode({ port }, options), await lanNode({ port }, options)]
  await until('connected', () => connected(one, two))
})

test('stop leaves neither socket nor timer, and a node that starts again is found again', async () => {
  const port = freePort()
  const clock = new ManualClock()
  const before = udpHandles()
  const node = await lanNode({ port }, { clock, autoDialBelow: 0 })
  const other = await lanNode({ port }, { autoDialBelow: 0 })
  const found = discoveries(other)
  await clock.advance(2000)
  await until('found', () => found.length === 1)
  expect(udpHandles()).toBeGreaterThan(before)
  await node.stop()
  expect(clock.pending).toBe(0)
  await node.start()
  await clock.advance(2000)
  await until('found again', () => found.length === 2)
  await node.stop()
  await other.stop()
  await settle()
  expect(udpHandles()).toBe(before)
})

test('a goodbye is the last that is heard', async () => {
  const port = freePort()
  const { heard } = await stranger(port)
  const node = await lanNode({ port })
  await until('announced', () => heard.some((bytes) => decodeMessage(bytes).response))
  await node.stop()
  await until('a goodbye', () => decodeMessage(heard.at(-1) as Uint8Array).pointers[0]?.ttlSeconds === 0)
})

test('bad packets harm nothing', async () => {
  const port = freePort()
  const node = await lanNode({ port })
  const { say } = await stranger(port)
  const below = seededRandom(7)
  for (let count = 0; count < 300; count++) await say(Uint8Array.from({ length: below(1400) }, () => below(256)))
  await say(new Uint8Array(20_000))
  const other = await lanNode({ port })
  await until('connected', () => connected(node, other))
})

test('a question for an answer by unicast is answered to all', async () => {
  const port = freePort()
  const node = await lanNode({ port })
  const { say, heard } = await stranger(port)
  const question = encodeMessage({ response: false, questions: [{ name: '_p2p._udp.local', type: recordTypes.PTR }] })
  question[question.length - 2] = 0x80
  heard.length = 0
  await say(question)
  const isAnswer = (bytes: Uint8Array): boolean => {
    const { texts } = decodeMessage(bytes)
    return texts.some(({ strings }) => strings.some((text) => String.fromCharCode(...text).endsWith(`${node.peerId}`)))
  }
  await until('answered', () => heard.some(isAnswer))
})

test('private networks do not meet the public one, nor each other', async () => {
  const port = freePort()
  const behind = (fingerprint: string) => ({
    autoDialBelow: 0,
    connectionProtector: defineModule<ConnectionProtector>({
      name: '@example/lock',
      create: () => ({ fingerprint, protect: (channel) => Promise.resolve(channel) })
    })
  })
  const open = await lanNode({ port }, { autoDialBelow: 0 })
  const [one, two, three] = [
    await lanNode({ port }, behind('aa'.repeat(16))),
    await lanNode({ port }, behind('aa'.repeat(16))),
    await lanNode({ port }, behind('bb'.repeat(16)))
  ]
  await until('the members met', () => one.peers.size === 1 && two.peers.size === 1)
  expect(one.peers.get(two.peerId)).toBeDefined()
  expect([open.peers.size, three.peers.size]).toEqual([0, 0])
})

test('an interface that is not there, or a port that is taken, is no reason not to start, but is said', async () => {
  const port = freePort()
  const errors: unknown[] = []
  const log = () => ({ enabled: false, debug: () => {}, error: (...values: unknown[]) => errors.push(values) })
  const other = createSocket('udp4')
  onTestFinished(() => void other.close())
  await new Promise<void>((resolve) => other.bind(port, '0.0.0.0', resolve))
  const [one, two] = [await lanNode({ port: freePort(), interfaces: ['nowhere0'] }), await lanNode({ port }, { log })]
  expect(errors).toHaveLength(1)
  expect([one.status, two.status]).toEqual(['started', 'started'])
})
