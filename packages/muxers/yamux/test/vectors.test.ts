import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { systemClock } from '@peerloom/interface'
import { startRaw, turns } from './harness.ts'

interface Scenario {
  name: string
  role: 'initiator' | 'responder'
  receive: string
  body: string
  then: string
  events: string[]
  answers: string[]
}
const { scenarios } = JSON.parse(readFileSync(new URL('./fixtures/yamux-vectors.json', import.meta.url), 'utf8')) as {
  scenarios: Scenario[]
}

test.each(scenarios)('$name', async (scenario) => {
  for (const step of [1, 5, 1000]) {
    const events: string[] = []
    const { raw, frames } = startRaw(scenario.role, { keepAliveMs: 0 }, systemClock, (stream) => {
      events.push(`stream ${stream.id}`)
      stream.attach({
        data: (bytes) => events.push(`data ${Buffer.from(bytes).toString('hex')}`),
        end: () => {
          events.push('end')
          void stream.closeWrite().catch(() => {})
        },
        closed: (error) => {
          if (error !== undefined) events.push('reset')
        }
      })
    })
    const bytes = Buffer.from(scenario.receive + scenario.body + scenario.then, 'hex')
    for (let at = 0; at < bytes.length; at += step) {
      raw.send(bytes.subarray(at, at + step))
      await turns(step === 1 ? 2 : 4)
    }
    await turns()
    const pieces = events.filter((event) => event.startsWith('data ')).map((event) => event.slice(5))
    const merged = [
      ...events.filter((event) => event.startsWith('stream')),
      ...(pieces.length > 0 ? [`data ${pieces.join('')}`] : []),
      ...events.filter((event) => event === 'end' || event === 'reset')
    ]
    expect(merged).toEqual(scenario.events)
    // What is asked of the answers is their content; an acknowledgement may ride on the end.
    const flags = (frame: string): number => Number.parseInt(frame.slice(4, 8), 16)
    const merge = (list: string[]): string =>
      list
        .map((frame) => `${frame.slice(2, 4)}/${frame.slice(8)}`)
        .filter((frame, at, all) => all.indexOf(frame) === at)
        .join(' ')
    const sent = frames().filter((frame) => scenario.events.includes('reset') === false || flags(frame) !== 2)
    expect(merge(sent)).toBe(merge(scenario.answers))
    const sum = (list: string[]): number => list.reduce((bits, frame) => bits | flags(frame), 0)
    expect(sum(sent)).toBe(sum(scenario.answers))
  }
})
