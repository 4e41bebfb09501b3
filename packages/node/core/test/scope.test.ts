import { expect, test } from 'vitest'
import { contextOf } from './context.ts'

const root = async (memory: number) => (await contextOf({ limits: { system: { memory } } })).limits

test('a reservation counts in the scope and in all above it', async () => {
  const system = await root(100)
  const peer = system.child('peer', { memory: 60 })
  const connection = peer.child('connection')
  expect(connection.reserve('memory', 50)).toBe(true)
  expect([system.usage.memory, peer.usage.memory, connection.usage.memory]).toEqual([50, 50, 50])
  connection.release('memory', 20)
  expect([system.usage.memory, peer.usage.memory, connection.usage.memory]).toEqual([30, 30, 30])
})

test('a reservation that does not fit somewhere above reserves nothing anywhere', async () => {
  const system = await root(100)
  const one = system.child('one', { memory: 60 }).child('connection')
  const two = system.child('two', { memory: 60 }).child('connection')
  expect(one.reserve('memory', 60)).toBe(true)
  expect(two.reserve('memory', 41)).toBe(false)
  expect(one.reserve('memory', 1)).toBe(false)
  expect([system.usage.memory, one.usage.memory, two.usage.memory]).toEqual([60, 60, 0])
  expect(two.reserve('memory', 40)).toBe(true)
})

test('a scope gives back no more than it holds', async () => {
  const system = await root(100)
  const one = system.child('one')
  const two = system.child('two')
  one.reserve('memory', 30)
  two.reserve('memory', 30)
  one.release('memory', 1000)
  expect([system.usage.memory, one.usage.memory, two.usage.memory]).toEqual([30, 0, 30])
})

test('closing gives back all that is held, once, and ends reserving', async () => {
  const system = await root(100)
  const scope = system.child('one')
  scope.reserve('memory', 10)
  scope.reserve('streamsInbound', 3)
  scope.close()
  scope.close()
  scope.release('memory', 5)
  expect(scope.reserve('memory', 1)).toBe(false)
  expect(system.usage).toMatchObject({ memory: 0, streamsInbound: 0 })
})

test('closing a scope before those below it counts nothing twice', async () => {
  const system = await root(100)
  const peer = system.child('peer')
  const connection = peer.child('connection')
  const other = system.child('other')
  other.reserve('memory', 50)
  connection.reserve('memory', 20)
  peer.close()
  expect(system.usage.memory).toBe(50)
  expect(connection.reserve('memory', 1)).toBe(false)
  connection.release('memory', 10)
  connection.close()
  expect([system.usage.memory, peer.usage.memory]).toEqual([50, 0])
})

test.each([Number.NaN, -1, Infinity])('an amount of %s is not reserved', async (amount) => {
  const system = await root(100)
  expect(system.reserve('memory', amount)).toBe(false)
  expect(system.child('one').reserve('connectionsInbound', amount)).toBe(false)
  expect(system.usage).toMatchObject({ memory: 0, connectionsInbound: 0 })
})
