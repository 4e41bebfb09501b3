import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isPeerloomError, systemClock } from '@peerloom/interface'
import { startRaw, turns } from './harness.ts'

interface Scenario {
  name: string
  role: 'initiator' | 'responder'
  receive: string[]
  events: string[]
  answers: string[]
}
const { scenarios } = JSON.parse(readFileSync(new URL('./fixtures/yamux-vectors.json', import.meta.url), 'utf8')) as {
  scenarios: Scenario[]
}

/** Pieces of data that follow each other are one. */
function joined(events: string[]): string[] {
  const out: string[] = []
  for (const event of events) {
    const [id, kind, hex] = event.split(' ')
    const prefix = `${id} data `
    if (kind === 'data' && out.at(-1)?.startsWith(prefix)) out.push((out.pop() as string) + hex)
    else out.push(event)
  }
  return out
}

/** Flags of each stream taken together, then the frames of the connection itself. Streams in `reset` do not count. */
function summary(frames: string[], reset: Set<number>): string[] {
  const flags = new Map<number, number>()
  for (const frame of frames) {
    const id = Number.parseInt(frame.slice(8, 16), 16)
    if (id !== 0 && !reset.has(id)) flags.set(id, (flags.get(id) ?? 0) | Number.parseInt(frame.slice(4, 8), 16))
  }
  const streams = [...flags].toSorted(([a], [b]) => a - b).map(([id, bits]) => `${id} ${bits}`)
  return [...streams, ...frames.filter((frame) => /^.{8}0{8}/.test(frame))]
}

const runs = scenarios.flatMap((scenario) => [1, 5, 13, 100_000].map((step) => ({ ...scenario, step })))

test.each(runs)('$name, in pieces of $step', async ({ role, receive, events, answers, step }) => {
  const seen: string[] = []
  const { side, raw, frames } = startRaw(role, { keepAliveMs: 0 }, systemClock, (stream) => {
    seen.push(`${stream.id} open`)
    stream.attach({
      data: (bytes) => seen.push(`${stream.id} data ${Buffer.from(bytes).toString('hex')}`),
      end: () => {
        seen.push(`${stream.id} end`)
        void stream.closeWrite().catch(() => {})
      },
      closed: (error) => {
        if (error === undefined) seen.push(`${stream.id} closed`)
        else seen.push(`${stream.id} reset ${/with code (\d+)/.exec(error.message)?.[1] ?? 0}`)
      }
    })
  })
  void side.closed.then((error) => {
    if (isPeerloomError(error, 'ERR_PROTOCOL_VIOLATION')) seen.push('violation')
    else seen.push(isPeerloomError(error) ? `over ${error.code}` : 'over')
  })
  const bytes = Buffer.from(receive.join(''), 'hex')
  for (let at = 0; at < bytes.length && raw.status === 'open'; at += step) {
    raw.send(bytes.subarray(at, at + step))
    await turns(4)
  }
  await turns()
  expect(joined(seen)).toEqual(events)
  if (events.includes('violation')) expect(frames().at(-1)).toBe(answers.at(-1))
  else {
    // Whether a stream that the remote reset was acknowledged before is a matter of moments.
    const reset = new Set(events.filter((event) => event.includes('reset')).map((event) => Number.parseInt(event, 10)))
    expect(summary(frames(), reset)).toEqual(summary(answers, reset))
  }
})
