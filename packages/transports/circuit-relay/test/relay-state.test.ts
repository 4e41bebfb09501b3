import { type Asker, RelayState, type RelayLimits, relayStatus as status, type Ticket } from '@peerloom/circuit-relay'
import { expect, test } from 'vitest'

const free = { burst: 1e9, perMinute: 1e9 }
const limits: RelayLimits = {
  reservationTtlMs: 3_600_000,
  maxReservations: 1000,
  maxReservationsPerAddress: 1000,
  maxCircuits: 1000,
  maxCircuitsPerPeer: 1000,
  maxCircuitsPerAddress: 1000,
  reservationsPerPeer: free,
  reservationsPerAddress: free,
  circuitsPerPeer: free,
  circuitsPerAddress: free
}
const t0 = 1_700_000_000_000
const asker = (peer: string, subscriber?: string): Asker => ({ peer, subscriber, relayed: false })

test('a reservation lasts its time, and longer when it is renewed', () => {
  const state = new RelayState(limits)
  expect(state.reserve(asker('a'), t0)).toEqual({ status: status.ok, expiresAt: t0 + 3_600_000 })
  expect(state.holds('a', t0 + 3_599_999)).toBe(true)
  expect(state.holds('a', t0 + 3_600_000)).toBe(false)
  expect(state.reserve(asker('a'), t0 + 3_000_000)).toEqual({ status: status.ok, expiresAt: t0 + 6_600_000 })
  expect(state.reservations).toBe(1)
  expect(state.expire(t0 + 3_600_000)).toEqual({ ended: [], nextAt: t0 + 6_600_000 })
  expect(state.expire(t0 + 6_600_000)).toEqual({ ended: ['a'], nextAt: undefined })
  expect(state.reservations).toBe(0)
})

test('there are no more reservations than the bound; a renewal is not another one', () => {
  const state = new RelayState({ ...limits, maxReservations: 2 })
  for (const peer of ['a', 'b', 'a', 'b']) expect(state.reserve(asker(peer), t0).status).toBe(status.ok)
  expect(state.reserve(asker('c'), t0).status).toBe(status.reservationRefused)
  state.leave('a')
  expect(state.reserve(asker('c'), t0).status).toBe(status.ok)
})

test('there are no more from one address, however many peers are there', () => {
  const state = new RelayState({ ...limits, maxReservationsPerAddress: 2 })
  for (const peer of ['a', 'b', 'a']) expect(state.reserve(asker(peer, '1.1.1.1'), t0).status).toBe(status.ok)
  expect(state.reserve(asker('c', '1.1.1.1'), t0).status).toBe(status.reservationRefused)
  expect(state.reserve(asker('c', '1.1.1.2'), t0).status).toBe(status.ok)
  // A peer that moves takes its place along.
  expect(state.reserve(asker('b', '1.1.1.2'), t0).status).toBe(status.ok)
  expect(state.reserve(asker('d', '1.1.1.1'), t0).status).toBe(status.ok)
  for (const peer of ['a', 'b', 'c', 'd']) state.leave(peer)
  expect(state.counted).toBe(0)
})

test('reservation churn from one address is limited, whatever peers it pretends to be', () => {
  const state = new RelayState({ ...limits, reservationsPerAddress: { burst: 60, perMinute: 1 } })
  let granted = 0
  for (let round = 0; round < 1000; round++) {
    const peer = `peer-${round}`
    if (state.reserve(asker(peer, '1.1.1.1'), t0 + round).status === status.ok) granted++
    state.leave(peer)
  }
  expect(granted).toBe(60)
  expect(state.reserve(asker('other', '1.1.1.2'), t0).status).toBe(status.ok)
  expect(state.reserve(asker('later', '1.1.1.1'), t0 + 61_000).status).toBe(status.ok)
  expect(state.reserve(asker('later', '1.1.1.1'), t0 + 61_000).status).toBe(status.reservationRefused)
})

test('one peer that reserves again and again is refused after its burst', () => {
  const state = new RelayState({ ...limits, reservationsPerPeer: { burst: 3, perMinute: 0.5 } })
  const answers = [1, 2, 3, 4].map(() => state.reserve(asker('a'), t0).status)
  expect(answers).toEqual([status.ok, status.ok, status.ok, status.reservationRefused])
  // What it has, it keeps.
  expect(state.holds('a', t0)).toBe(true)
  expect(state.reserve(asker('a'), t0 + 120_000).status).toBe(status.ok)
})

test('a circuit needs a reservation that is still good', () => {
  const state = new RelayState(limits)
  expect(state.connect(asker('a'), 'b', t0)).toEqual({ status: status.noReservation })
  state.reserve(asker('b'), t0)
  expect(state.connect(asker('a'), 'b', t0).status).toBe(status.ok)
  expect(state.connect(asker('a'), 'b', t0 + 3_600_000)).toEqual({ status: status.noReservation })
  expect(state.connect(asker('b'), 'b', t0)).toEqual({ status: status.permissionDenied })
})

test('nothing is relayed over a relay', () => {
  const state = new RelayState(limits)
  const relayed = { ...asker('a'), relayed: true }
  expect(state.reserve(relayed, t0)).toEqual({ status: status.permissionDenied })
  state.reserve(asker('b'), t0)
  expect(state.connect(relayed, 'b', t0)).toEqual({ status: status.permissionDenied })
})

const full: readonly [
  keyof RelayLimits,
  readonly (readonly [string, string, string])[],
  readonly [string, string, string]
][] = [
  [
    'maxCircuits',
    [
      ['a', '1', 'x'],
      ['b', '2', 'y']
    ],
    ['c', '3', 'z']
  ],
  [
    'maxCircuitsPerPeer',
    [
      ['a', '1', 'x'],
      ['a', '1', 'y']
    ],
    ['a', '1', 'z']
  ],
  [
    'maxCircuitsPerPeer',
    [
      ['a', '1', 'x'],
      ['b', '2', 'x']
    ],
    ['c', '3', 'x']
  ],
  [
    'maxCircuitsPerPeer',
    [
      ['a', '1', 'x'],
      ['b', '2', 'x']
    ],
    ['x', '3', 'y']
  ],
  [
    'maxCircuitsPerAddress',
    [
      ['a', '1', 'x'],
      ['b', '1', 'y']
    ],
    ['c', '1', 'z']
  ]
]
test.each(full)('%s bounds circuits %j before %j', (limit, before, one) => {
  const state = new RelayState({ ...limits, [limit]: 2 })
  for (const peer of ['x', 'y', 'z']) state.reserve(asker(peer), t0)
  const connect = ([source, subscriber, target]: readonly [string, string, string]) =>
    state.connect(asker(source, subscriber), target, t0)
  const tickets = before.map((each) => (connect(each) as { ticket: Ticket }).ticket)
  expect(connect(one)).toEqual({ status: status.resourceLimitExceeded })
  state.over(tickets[0] as Ticket)
  expect(connect(one).status).toBe(status.ok)
})

test('CONNECT floods are cut off, by peer and by address', () => {
  const byPeer = new RelayState({ ...limits, circuitsPerPeer: { burst: 5, perMinute: 60 } })
  const floods = Array.from({ length: 100 }, () => byPeer.connect(asker('a'), 'b', t0).status)
  expect(floods.filter((code) => code === status.noReservation)).toHaveLength(5)
  expect(floods.at(-1)).toBe(status.resourceLimitExceeded)
  expect(byPeer.connect(asker('a'), 'b', t0 + 1000).status).toBe(status.noReservation)
  const byAddress = new RelayState({ ...limits, circuitsPerAddress: { burst: 5, perMinute: 60 } })
  const many = Array.from({ length: 100 }, (_, at) => byAddress.connect(asker(`p${at}`, '1.1.1.1'), 'b', t0).status)
  expect(many.filter((code) => code === status.noReservation)).toHaveLength(5)
})

test('when all have left, nothing is counted for anybody', () => {
  const state = new RelayState(limits)
  state.reserve(asker('b', '2'), t0)
  const { ticket } = state.connect(asker('a', '1'), 'b', t0) as { ticket: Ticket }
  expect(state.circuitsOf('a')).toBe(1)
  expect(state.counted).toBeGreaterThan(0)
  state.over(ticket)
  expect(state.leave('b')).toBe(true)
  expect(state.leave('b')).toBe(false)
  expect([state.counted, state.circuits, state.reservations]).toEqual([0, 0, 0])
})
