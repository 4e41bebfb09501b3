import { systemClock } from '@peerloom/interface'
import { settle } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { WorkTurns } from '../src/work-turns.ts'

/** Work that takes a millisecond a piece, by a clock that only work moves. */
function world(maxMs: number) {
  let now = 0
  const done: string[] = []
  const turns = new WorkTurns({ ...systemClock, now: () => now }, maxMs)
  const worker = (name: string, pieces: number) => {
    let left = pieces
    const self = {
      goOn(): void {
        while (left > 0) {
          if (!turns.admits(self)) return
          left--
          now++
          done.push(name)
        }
      }
    }
    return self
  }
  return { done, worker }
}

test('who has much to do gives way to others when a turn is over, and nobody is passed over', async () => {
  const { done, worker } = world(3)
  for (const one of [worker('flood', 20), worker('honest', 1), worker('late', 2)]) one.goOn()
  expect(done).toEqual(['flood', 'flood', 'flood'])
  await settle(20)
  // In the order of asking, a turn each; the flood asked first, and then stands behind those that came after it.
  expect(done.slice(3, 9)).toEqual(['flood', 'flood', 'flood', 'honest', 'late', 'late'])
  expect(done).toHaveLength(23)
})
