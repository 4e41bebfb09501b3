import { until } from '@peerloom/conformance'
import { type Channel, defineModule, type Module, type SecureTransport, type Transport } from '@peerloom/interface'
import { memory } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { expect, test } from 'vitest'
import { memoryNetwork, memoryNode } from './nodes.ts'

/** Noise, with something of the dialler's sent right behind the handshake, before the muxer has its say. */
function noiseAndThen(bytes: Uint8Array): Module<SecureTransport> {
  return defineModule({
    name: 'noise-and-then',
    create: (node) => {
      const inner = noise()(node)
      return {
        protocol: inner.protocol,
        async secure(channel: Channel, options) {
          const secured = await inner.secure(channel, options)
          if (options.role === 'initiator') secured.channel.send(bytes)
          return secured
        }
      }
    }
  })
}

test('a remote that breaks the muxer with its first bytes leaves no connection behind', async () => {
  const network = memoryNetwork()
  const hub = await memoryNode(network)
  let open = 0
  hub.events.on('connection:open', () => open++)
  hub.events.on('connection:close', () => open--)
  // Version 9 of yamux, in the record that comes with the end of the handshake.
  const attacker = await memoryNode(network, {
    connectionEncryption: [noiseAndThen(new Uint8Array(12).fill(9))],
    transports: [memory({ network }) as Module<Transport>]
  })
  for (let round = 0; round < 20; round++) await attacker.dial(hub.multiaddrs(), { force: true }).catch(() => {})
  await until('the attacker has lost all', () => attacker.connections.list().length === 0)
  await until('nothing is reserved', () => hub.inspect().limits.system.connectionsInbound === 0)
  expect(hub.inspect()).toMatchObject({ connections: [], counts: { connections: 0 } })
  expect(hub.peers.get(attacker.peerId)?.addresses ?? []).toEqual([])
  expect(open).toBe(0)
})
