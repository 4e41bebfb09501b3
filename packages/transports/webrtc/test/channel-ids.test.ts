import { expect, test } from 'vitest'
import { ChannelIds } from '../src/channel-ids.ts'

const taken = (ids: ChannelIds, count: number): (number | undefined)[] =>
  Array.from({ length: count }, () => ids.take())

test('the DTLS client has even ids and the server odd ones, and neither those that are in use', () => {
  expect(taken(new ChannelIds(true, 12, [4]), 5)).toEqual([2, 6, 8, 10, undefined])
  expect(taken(new ChannelIds(false, 12), 5)).toEqual([3, 5, 7, 9, 11])
})

test('an id is used again when all the others have been, the one that has rested longest first', () => {
  const ids = new ChannelIds(true, 8)
  expect(ids.take()).toBe(2)
  ids.free(2)
  expect(taken(ids, 2)).toEqual([4, 6])
  ids.free(6)
  ids.free(4)
  expect(taken(ids, 4)).toEqual([2, 6, 4, undefined])
})

test('an id of the making of a connection is none to give away', () => {
  const ids = new ChannelIds(false, 4)
  ids.free(-1)
  ids.free(1)
  expect(taken(ids, 2)).toEqual([3, undefined])
})
