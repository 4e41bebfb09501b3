import { expect, test } from 'vitest'
import { judge, mediansOf } from '../src/report.ts'
import { rows } from '../src/rows.ts'
import { median, percentile } from '../src/statistics.ts'

test('medians and percentiles', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  expect(percentile([5, 1, 4, 2, 3], 0.5)).toBe(3)
  expect(percentile([5, 1, 4, 2, 3], 0.99)).toBe(5)
})

test('rounds become medians, figure by figure', () => {
  expect(
    mediansOf([
      { a: 1, b: 9 },
      { a: 3, b: 7 },
      { a: 2, b: 8 }
    ])
  ).toEqual({ a: 2, b: 8 })
})

test('a goal is judged against the other of the same run, or as it is', () => {
  const medians = { peerloom: { rate: 30, cpu: 2 }, 'js-libp2p': { rate: 10, cpu: 8 } }
  expect(judge({ figure: 'rate', atLeast: 3, of: 'js-libp2p' }, medians)).toEqual({ value: 3, reached: true })
  expect(judge({ figure: 'rate', atLeast: 3.1, of: 'js-libp2p' }, medians).reached).toBe(false)
  expect(judge({ figure: 'cpu', atMost: 1.9 }, medians)).toEqual({ value: 2, reached: false })
})

test('a figure that is missing is never reached', () => {
  expect(judge({ figure: 'rate', atLeast: 1, of: 'raw-tls' }, { peerloom: { rate: 5 } }).reached).toBe(false)
})

test('every row is asked for by a name of its own, and has ours to judge', () => {
  const names = rows.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const row of rows) expect(row.drivers, row.name).toContain('peerloom')
})
