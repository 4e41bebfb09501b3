import { expect, test } from 'vitest'
import { message, Net, Rogue, type TestMessage } from './net.ts'

const forged = (id: string, more: Partial<TestMessage> = {}): TestMessage => message(id, 't', { forged: true, ...more })

const node = (options = {}) => {
  const made = new Net(options).node('node')
  made.router.subscribe('t')
  return made
}

test('a forged copy does not keep the good one out, whichever comes first', () => {
  const victim = node()
  const attacker = new Rogue(victim, 'attacker').subscribe('t')
  const honest = new Rogue(victim, 'honest').subscribe('t')
  attacker.send({ publish: [forged('m')] })
  honest.send({ publish: [message('m')] })
  attacker.send({ publish: [forged('m')] })
  expect(victim.delivered).toEqual(['m'])
  expect(attacker.score).toBeLessThan(0)
  expect(honest.score).toBeGreaterThanOrEqual(0)
})

test('a good copy that comes while a forged one is verified is looked at next', () => {
  const victim = node()
  victim.holds = true
  const attacker = new Rogue(victim, 'attacker').subscribe('t')
  const honest = new Rogue(victim, 'honest').subscribe('t')
  attacker.send({ publish: [forged('m')] })
  honest.send({ publish: [message('m')] })
  expect(victim.held).toHaveLength(1)
  victim.held.shift()?.done('reject')
  expect(attacker.score).toBeLessThan(0)
  const next = victim.held.shift()
  expect([next?.stage, next?.message.forged]).toEqual(['verify', undefined])
  next?.done('accept')
  victim.held.shift()?.done('accept')
  expect(victim.delivered).toEqual(['m'])
  expect(honest.score).toBeGreaterThanOrEqual(0)
})

test.each([
  ['number', { maxCopies: 2 }],
  ['bytes', { maxCopyBytes: 250 }]
])('copies that wait are bounded in %s, and one of a peer', (_, options) => {
  const victim = node(options)
  victim.holds = true
  const peers = Array.from({ length: 10 }, (_, at) => new Rogue(victim, `peer ${at}`).subscribe('t'))
  for (const peer of peers) for (let again = 0; again < 5; again++) peer.send({ publish: [forged('m')] })
  expect(victim.router.inspect().sizes.copyBytes).toBe(200)
  for (let at = 0; at < 3; at++) victim.held.shift()?.done('reject')
  expect(victim.held).toEqual([])
  expect(victim.router.inspect().sizes).toMatchObject({ copyBytes: 0, seen: 0 })
  expect(peers.filter(({ score }) => score < 0)).toHaveLength(3)
})

test('an id of which all copies were forged can come again', () => {
  const victim = node()
  const attacker = new Rogue(victim, 'attacker').subscribe('t')
  const honest = new Rogue(victim, 'honest').subscribe('t')
  attacker.send({ publish: [forged('m')] })
  honest.send({ control: { ihave: [{ topic: 't', ids: ['m'] }] } })
  expect(honest.got().flatMap(({ control }) => control?.iwant ?? [])).toEqual([['m']])
})

test('a forged copy keeps no promise, and no IDONTWANT tells of it', () => {
  const victim = node()
  const attacker = new Rogue(victim, 'attacker').subscribe('t')
  const honest = new Rogue(victim, 'honest').subscribe('t')
  honest.graft('t')
  attacker.send({ control: { ihave: [{ topic: 't', ids: ['m'] }] } })
  honest.got()
  attacker.send({ publish: [forged('m', { bytes: 20_000 })] })
  expect(victim.promises).toEqual([])
  expect(honest.got()).toEqual([])
  attacker.send({ publish: [message('m', 't', { bytes: 20_000 })] })
  expect(victim.promises).toEqual([{ id: 'm', kept: true }])
  expect(honest.got()[0]).toEqual({ control: { idontwant: [['m']] } })
})

test('what the application rejects is rejected for all, and whoever sends it is blamed', () => {
  const victim = node()
  victim.holds = true
  const first = new Rogue(victim, 'first').subscribe('t')
  const second = new Rogue(victim, 'second').subscribe('t')
  const third = new Rogue(victim, 'third').subscribe('t')
  first.send({ publish: [message('m')] })
  victim.held.shift()?.done('accept')
  second.send({ publish: [message('m')] })
  victim.held.shift()?.done('reject')
  third.send({ publish: [message('m')] })
  expect(victim.held).toEqual([])
  for (const peer of [first, second, third]) expect(peer.score).toBeLessThan(0)
})

test('what is ignored blames nobody and does not come again', () => {
  const victim = node()
  const peer = new Rogue(victim, 'peer').subscribe('t')
  peer.send({ publish: [message('m', 't', { verdict: 'ignore' })] })
  peer.send({ publish: [message('m')] })
  expect(victim.delivered).toEqual([])
  expect(peer.score).toBe(0)
})

test('what there was no room to look at can come again', () => {
  const victim = node()
  const peer = new Rogue(victim, 'peer').subscribe('t')
  peer.send({ publish: [message('m', 't', { verdict: 'throttled' })] })
  expect(victim.router.inspect().sizes.seen).toBe(0)
  peer.send({ publish: [message('m')] })
  expect(victim.delivered).toEqual(['m'])
  expect(peer.score).toBeGreaterThanOrEqual(0)
})

test('a verdict counts once, also when it comes late or twice', () => {
  const victim = node()
  victim.holds = true
  const peer = new Rogue(victim, 'peer').subscribe('t')
  peer.send({ publish: [message('m')] })
  const [verify] = victim.held
  verify?.done('accept')
  verify?.done('reject')
  const validate = victim.held[1]
  victim.router.removePeer(peer.peer)
  validate?.done('accept')
  validate?.done('reject')
  expect(victim.delivered).toEqual(['m'])
})

test('a spammer of invalid messages is on the graylist after a few', () => {
  const victim = node()
  const spammer = new Rogue(victim, 'spammer').subscribe('t')
  for (let at = 0; at < 1000; at++) spammer.send({ publish: [message(`m${at}`, 't', { verdict: 'reject' })] })
  expect(victim.router.inspect().sizes.seen).toBe(3)
  expect(spammer.score).toBeLessThan(-80)
})
