import { createNode, type Node, type NodeOptions } from '@peerloom/core'
import type { Gossipsub } from '@peerloom/gossipsub'
import { noise } from '@peerloom/noise'
import { yamux } from '@peerloom/yamux'
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, expectTypeOf, test } from 'vitest'
import type { configured } from './mission/configuration.ts'
import type { Dht } from './mission/stand-ins.ts'

/** A network without any other machine. */
const inItsOwnNetwork = ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
const canHaveOne = spawnSync('unshare', [...inItsOwnNetwork, 'true']).status === 0
if (!canHaveOne) console.warn('SKIPPED: no network namespaces here, the configuration of the mission does not run')

test.skipIf(!canHaveOne)('the configuration of the mission runs as it stands', async () => {
  const script = fileURLToPath(new URL('mission/run.ts', import.meta.url))
  const run = [...inItsOwnNetwork, process.execPath, '--conditions=@peerloom/source', script]
  const { stdout } = await promisify(execFile)('unshare', run, { timeout: 20_000 })
  const saw = JSON.parse(stdout) as Record<'received' | 'heard' | 'connected' | 'addresses' | 'dhts', unknown>
  expect(saw.received).toEqual([[1, 2, 3]])
  expect(saw.heard, 'the peer has it too').toEqual([[1, 2, 3]])
  expect(saw.connected, 'the peer of the bootstrap list').toEqual([{ security: '/noise', muxer: '/yamux/1.0.0' }])
  expect(saw.addresses).toEqual([expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)])
  expect(saw.dhts, 'the module that is named twice is built once').toBe(1)
})

// What follows is judged by the compiler, in `pnpm check`.

test('services have the types of their modules, and no others are there', () => {
  type Configured = Awaited<ReturnType<typeof configured>>
  expectTypeOf<Configured>().toEqualTypeOf<Node<{ readonly pubsub: Gossipsub; readonly dht: Dht }>>()
  expectTypeOf<Configured['services']['pubsub']>().toEqualTypeOf<Gossipsub>()
  expectTypeOf<Configured['services']['dht']>().toEqualTypeOf<Dht>()
  expectTypeOf<Configured['services']>().not.toHaveProperty('ping')
})

test('the option names are fixed', () => {
  expectTypeOf<NodeOptions>().toHaveProperty('addresses')
  expectTypeOf<NonNullable<NodeOptions['addresses']>>().toHaveProperty('listen')
  expectTypeOf<NodeOptions>().toHaveProperty('transports')
  expectTypeOf<NodeOptions>().toHaveProperty('connectionEncryption')
  expectTypeOf<NodeOptions>().toHaveProperty('streamMuxers')
  expectTypeOf<NodeOptions>().toHaveProperty('peerDiscovery')
  expectTypeOf<NodeOptions>().toHaveProperty('services')
})

test('a module in the wrong list, or a name that is none, does not type-check', () => {
  const wrong = [
    // @ts-expect-error a muxer is no transport
    (): unknown => createNode({ start: false, transports: [yamux()] }),
    // @ts-expect-error the name is connectionEncryption
    (): unknown => createNode({ start: false, connectionEncrypters: [noise()] }),
    // @ts-expect-error services are modules
    (): unknown => createNode({ start: false, services: { pubsub: {} } })
  ]
  expect(wrong).toHaveLength(3)
})
