import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { ForeignPeer } from '@peerloom/interop'
import {
  attempts,
  foreignRows,
  gap,
  knownFailure,
  load,
  ownRows,
  rowTitle,
  stackNames,
  type CheckName,
  type PeerName,
  type Row
} from '../src/matrix.ts'
import { recordResult } from '../src/results.ts'
import { isNegotiated, stacks } from '../src/stacks.ts'
import { startPeer } from '../src/start-peer.ts'

/** Long enough for a cold build of a peer. */
const buildTimeoutMs = 40 * 60_000
const checkTimeoutMs = 100_000
const patience = { timeout: 10_000 } as const

/** `pnpm interop` asks for 'own', `pnpm interop --all` for 'all'; a plain run of all tests has TCP, among everybody. */
const asked = process.env['PEERLOOM_INTEROP'] ?? 'tcp'
const stacksAsked = process.env['PEERLOOM_INTEROP_STACKS']?.split(',')
const rows = stackNames.flatMap((stack) => {
  if (asked === 'tcp' ? stack !== 'tcp' : stacksAsked?.includes(stack) === false) return []
  const own = ownRows(stack)
  return asked === 'all' || stack === 'tcp' ? [...own, ...foreignRows(stack)] : own
})

interface Side {
  readonly name: PeerName
  readonly peer: ForeignPeer
}

interface Check {
  readonly name: CheckName
  /** One side asks the other; every check runs from both. */
  run(asks: Side, answers: Side, row: Row): Promise<void>
}

const checks: readonly Check[] = [
  {
    name: 'connects',
    run: async ({ name, peer }, answers, row) => {
      const stack = stacks[row.stack]
      const info = await peer.connectionInfo(answers.peer.peerId)
      if (info.direction === 'outbound') expect(info.remoteAddr).toMatch(stack.address)
      // go-libp2p does not tell what was negotiated on a relayed connection that it has dialled.
      if (!isNegotiated(stack) || info.security === '') return
      expect(info.security).toBe(stack.security === 'tls' ? '/tls/1.0.0' : '/noise')
      expect(info.muxer).toBe(stack.muxer === 'mplex' ? '/mplex/6.7.0' : '/yamux/1.0.0')
      // Early where the other side can: rust-libp2p does not offer it.
      if (name === 'peerloom') expect(info.earlyMuxer).toBe(answers.name !== 'rust')
    }
  },
  {
    name: 'pings',
    run: async (asks, answers) => {
      expect(await asks.peer.ping(answers.peer.peerId, 3)).toHaveLength(3)
    }
  },
  {
    name: 'echoes',
    run: async (asks, answers, row) => {
      const { echoBytes } = load(row)
      expect(await asks.peer.echo(answers.peer.peerId, { bytes: echoBytes })).toBe(echoBytes)
    }
  },
  {
    name: 'half-closes',
    run: async (asks, answers) => {
      for (const bytes of [0, 1, 100_000]) await asks.peer.digest(answers.peer.peerId, bytes)
    }
  },
  {
    name: 'sees resets',
    run: async (asks, answers) => {
      await asks.peer.reset(answers.peer.peerId)
    }
  },
  {
    name: 'sends resets',
    run: async (asks, answers) => {
      const { resets } = await answers.peer.stats()
      await asks.peer.sendReset(answers.peer.peerId)
      await expect.poll(async () => (await answers.peer.stats()).resets, patience).toBe(resets + 1)
    }
  },
  {
    name: 'runs 100 streams',
    run: async (asks, answers, row) => {
      const { streams, streamBytes: bytes } = load(row)
      expect(await asks.peer.echo(answers.peer.peerId, { bytes, streams })).toBe(bytes * streams)
    }
  },
  {
    name: 'identifies',
    run: async (asks, answers, row) => {
      const told = await asks.peer.identify(answers.peer.peerId)
      const own = await answers.peer.id()
      expect(Buffer.from(told.publicKey)).toEqual(Buffer.from(own.publicKey))
      expect(told.protocols).toEqual(
        expect.arrayContaining(['/interop/echo/1.0.0', '/ipfs/id/1.0.0', '/ipfs/ping/1.0.0'])
      )
      expect(told.agentVersion).not.toBe('')
      if (row.stack !== 'tcp') return
      expect(told.listenAddrs.map(withoutPeer)).toContain(withoutPeer(own.addresses[0] ?? ''))
      expect(told.observedAddr).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+/)
      // rust-libp2p sends no record, and accepts only those in a format of its own.
      expect(told.signedPeerRecord !== undefined).toBe(asks.name !== 'rust' && answers.name !== 'rust')
    }
  },
  {
    name: 'is pushed changes',
    run: async (asks, answers, row) => {
      const protocol = `/interop/added-for-${asks.name.replace(' ', '-')}/1.0.0`
      const { peerId } = answers.peer
      await asks.peer.identify(peerId)
      await answers.peer.handle(protocol)
      await expect.poll(async () => (await asks.peer.identify(peerId)).protocols, patience).toContain(protocol)
      if (gap(row.stack, 'echoes', asks.name, answers.name) === undefined) {
        expect(await asks.peer.echo(peerId, { bytes: 1000, protocol })).toBe(1000)
      }
    }
  },
  {
    name: 'opens the peer record',
    run: async (asks, answers) => {
      const { record, peerId } = await answers.peer.peerRecord()
      expect((await asks.peer.verifyRecord(record)).peerId).toBe(peerId)
      const broken = record.with(record.length - 1, (record.at(-1) ?? 0) ^ 1)
      await expect(asks.peer.verifyRecord(broken)).rejects.toThrow()
    }
  }
]

if (asked === 'tcp') console.warn('the matrix beyond TCP runs with `pnpm interop`')

describe.each(rows.map((row) => ({ title: rowTitle(row), row })))('$title', ({ row }) => {
  const { stack, dialler, listener, relay } = row
  const started: ForeignPeer[] = []
  let near: Side
  let far: Side
  let missing: PeerName | undefined
  const failures: string[] = []
  const notes = new Set<string>()
  const { reason: lessReason } = load(row)
  if (lessReason !== undefined) notes.add(lessReason)
  const known = knownFailure(row)
  let connected = false

  const start = async (name: PeerName, options: Parameters<typeof startPeer>[1]): Promise<ForeignPeer | undefined> => {
    const peer = await startPeer(name, options)
    if (peer === undefined) missing ??= name
    else started.push(peer)
    return peer
  }

  const again = async (name: CheckName, run: () => Promise<void>): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run()
      } catch (error) {
        if (attempt === attempts(row)) throw error
        notes.add(`${name}: needed another attempt after "${message(error)}"`)
      }
    }
  }

  beforeAll(async () => {
    const between = relay === undefined ? undefined : await start(relay, { stack: 'relay', relay: true })
    if (relay !== undefined && between === undefined) return
    const relayAddress = between?.addresses[0]
    const to = await start(listener, { stack, ...(relayAddress === undefined ? {} : { listenRelay: relayAddress }) })
    const from = await start(dialler, { stack })
    if (to === undefined || from === undefined) return
    near = { name: dialler, peer: from }
    far = { name: listener, peer: to }
    const dial = async (): Promise<void> => {
      await from.dial(to.addresses[0] ?? '')
      // The side that dialled is through half a round trip earlier.
      await vi.waitFor(async () => expect(await to.connections(from.peerId)).not.toHaveLength(0), 10_000)
    }
    try {
      await again('connects', dial)
      connected = true
    } catch (error) {
      failures.push(`connects: ${message(error)}`)
    }
  }, buildTimeoutMs)

  afterAll(async () => {
    await Promise.all(started.map((peer) => peer.stop()))
    const result = missing !== undefined ? 'missing' : failures.length > 0 ? 'fail' : 'pass'
    if (result === 'fail' && known !== undefined) notes.add(known)
    const implementations = started.map((peer) => peer.implementation)
    recordResult({ ...row, result, failures, notes: [...notes], implementations })
  })

  const test = (name: CheckName, run: () => Promise<void>): void => {
    it(name, { timeout: checkTimeoutMs }, async (context) => {
      if (missing !== undefined) context.skip(`SKIPPED: ${missing} cannot be had here`)
      if (!connected) {
        if (name === 'connects' && known === undefined) throw new Error(failures[0])
        context.skip('not connected')
      }
      try {
        await again(name, run)
      } catch (error) {
        failures.push(`${name}: ${message(error)}`)
        if (known !== undefined) context.skip(`known to fail: ${known}`)
        throw error
      }
    })
  }

  for (const check of checks) {
    const directions = [
      [dialler, listener],
      [listener, dialler]
    ] as const
    const reasons = directions.map(([asks, answers]) => gap(stack, check.name, asks, answers))
    if (reasons.every((reason) => reason !== undefined)) {
      it.skip(`${check.name}: ${reasons[0]}`)
      notes.add(`${check.name}: ${reasons[0]}`)
      continue
    }
    for (const reason of reasons) if (reason !== undefined) notes.add(`${check.name}, one way: ${reason}`)
    test(check.name, async () => {
      if (reasons[0] === undefined) await check.run(near, far, row)
      if (reasons[1] === undefined) await check.run(far, near, row)
    })
  }

  const longer = gap(stack, 'says good-bye', dialler, listener)
  if (longer !== undefined) notes.add(`says good-bye: ${longer}`)
  else {
    test('says good-bye', async () => {
      await near.peer.close(far.peer.peerId)
      await expect.poll(() => near.peer.connections(far.peer.peerId), patience).toHaveLength(0)
      await expect.poll(() => far.peer.connections(near.peer.peerId), patience).toHaveLength(0)
    })
  }
})

function withoutPeer(address: string): string | undefined {
  return address.split('/p2p/')[0]
}

/** Two lines: go-libp2p says in the second why a dial failed. */
function message(error: unknown): string {
  const text = error instanceof Error ? error.message : `a ${String((error as Event | undefined)?.type)} event`
  return text.split('\n', 2).join(' ')
}
