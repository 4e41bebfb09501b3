import { describe, expect, it } from 'vitest'
import { foreignNames } from '../src/matrix.ts'
import { startPeer } from '../src/start-peer.ts'

/** Long enough for a cold build of a peer. */
const buildTimeoutMs = 40 * 60_000
const otherKey = `/key/swarm/psk/1.0.0/\n/base16/\n${'a7'.repeat(32)}\n`
const names = foreignNames.filter((name) => name !== 'js frozen')

const strangers = [
  { of: 'another network', options: { stack: 'pnet', networkKey: otherKey } },
  { of: 'no network', options: { stack: 'tcp' } }
] as const

describe.each(strangers)('a peer of $of', ({ options }) => {
  it.for(names)(
    'cannot connect to a member, nor be connected to: %s',
    { timeout: buildTimeoutMs },
    async (name, context) => {
      await using member = await startPeer('peerloom', { stack: 'pnet' })
      await using stranger = await startPeer(name, options)
      if (member === undefined || stranger === undefined) return context.skip('SKIPPED: a peer cannot be had here')
      await expect(stranger.dial(member.addresses[0] ?? '')).rejects.toThrow()
      await expect(member.dial(stranger.addresses[0] ?? '')).rejects.toThrow()
      expect(await member.connections(stranger.peerId)).toEqual([])
    }
  )
})
