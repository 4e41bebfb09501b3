import { ManualClock } from '@peerloom/conformance'
import { describe, expect, test } from 'vitest'
import { type Candidate, CandidateGate, sourceOf } from '../src/candidate-gate.ts'

const ignore = (): void => {}

function gateOf(options: { maxPending?: number; maxPerSource?: number } = {}) {
  const clock = new ManualClock()
  const gate = new CandidateGate({
    clock,
    maxPending: options.maxPending ?? 128,
    maxPerSource: options.maxPerSource ?? 16,
    rate: { burst: 20, ratePerSecond: 1 }
  })
  return { clock, gate }
}

describe('who may cause a connection to be made', () => {
  test('a client once, however often it asks', () => {
    const { gate } = gateOf()
    const candidate = gate.enter('192.0.2.1', 1, 'a', ignore) as Candidate
    expect(gate.enter('192.0.2.1', 1, 'a', ignore)).toBeUndefined()
    expect(gate.enter('192.0.2.1', 2, 'a', ignore)).toBeDefined()
    gate.leave(candidate)
    expect(gate.enter('192.0.2.1', 1, 'a', ignore)).toBeDefined()
  })

  test('not again for half a minute when it failed: what it still sends is no new attempt', async () => {
    const { gate, clock } = gateOf()
    gate.bar(gate.enter('192.0.2.1', 1, 'a', ignore) as Candidate)
    expect(gate.enter('192.0.2.1', 1, 'a', ignore)).toBeUndefined()
    await clock.advance(30_001)
    expect(gate.enter('192.0.2.1', 1, 'a', ignore)).toBeDefined()
  })

  test('one address has a share of the places, and of the attempts in a time', async () => {
    const { gate, clock } = gateOf()
    const inside = Array.from({ length: 40 }, (_, at) => gate.enter('192.0.2.1', at, 'a', ignore))
    expect(inside.filter((one) => one !== undefined)).toHaveLength(16)
    for (const one of inside) if (one !== undefined) gate.leave(one)
    const next = Array.from({ length: 40 }, (_, at) => gate.enter('192.0.2.1', 100 + at, 'a', ignore))
    expect(next.filter((one) => one !== undefined)).toHaveLength(4)
    expect(gate.enter('192.0.2.2', 1, 'a', ignore)).toBeDefined()
    await clock.advance(1000)
    expect(gate.enter('192.0.2.1', 200, 'a', ignore)).toBeDefined()
  })

  test('when all places are taken, those that never answered make room, the oldest first, after a second', async () => {
    const { gate, clock } = gateOf({ maxPending: 3 })
    const dropped: number[] = []
    const enter = (at: number): Candidate | undefined => gate.enter(`192.0.2.${at}`, 1, 'a', () => dropped.push(at))
    const first = enter(1) as Candidate
    enter(2)
    enter(3)
    expect(enter(4)).toBeUndefined()
    first.proven = true
    await clock.advance(1000)
    expect(enter(4)).toBeDefined()
    expect(dropped).toEqual([2])
    expect(enter(2)).toBeUndefined()
    expect(gate.pending).toBe(3)
    gate.clear()
    expect(gate.pending).toBe(0)
    expect(dropped).toEqual([2, 1, 3, 4])
  })

  test('addresses count as what one subscriber gets; this host does not count', () => {
    expect(sourceOf('127.0.0.1')).toBeUndefined()
    expect(sourceOf('::1')).toBeUndefined()
    expect(sourceOf('192.0.2.1')).toBe('192.0.2.1')
    expect(sourceOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2')
    expect(sourceOf('2001:db8:1:2::1')).toBe('2001:db8:1:2')
    expect(sourceOf('2001:db8::1')).toBe('2001:db8:0:0')
    expect(sourceOf('2001:db8::3:4:5:6:7')).toBe('2001:db8:0:3')
  })
})
