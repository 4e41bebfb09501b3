import { toError } from '@peerloom/interface'

/** Something that gathers what is sent during a turn of the event loop and lets it go in one piece (rule R3). */
export interface Flushable {
  flush(): void
  /** Called with what `flush` threw. */
  abort(error: Error): void
}

interface Immediate {
  setImmediate?: (callback: () => void) => unknown
}

/** Calls back when this turn of the event loop has ended, before timers get their chance. */
export type TurnScheduler = (callback: () => void) => void

const platformTurns: TurnScheduler = (() => {
  const { setImmediate } = globalThis as Immediate
  if (setImmediate !== undefined) return (callback) => void setImmediate(callback)
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  port1.onmessage = () => waiting.shift()?.()
  return (callback) => {
    waiting.push(callback)
    port2.postMessage(undefined)
  }
})()

let afterTurn = platformTurns

/**
 * Has somebody else say when a turn is over: a simulation, whose time stands still until nothing is left to do. For the whole
 * process, since turns are; undefined gives them back to the platform.
 */
export function useTurns(schedule: TurnScheduler | undefined): void {
  afterTurn = schedule ?? platformTurns
}

let tasks: Flushable[] = []
let scheduled = false

function run(): void {
  // Flushing one layer feeds the one below it, whose task lands behind and runs in this same turn.
  for (let at = 0; at < tasks.length; at++) {
    const task = tasks[at] as Flushable
    try {
      task.flush()
    } catch (error) {
      task.abort(toError(error))
    }
  }
  tasks = []
  scheduled = false
}

/** Calls `task.flush()` once at the end of this turn. The caller sees to it that a task waits only once. */
export function endOfTurn(task: Flushable): void {
  tasks.push(task)
  if (scheduled) return
  scheduled = true
  afterTurn(run)
}

/** Calls back in a turn of its own: for in-process links, which must not keep the event loop busy with each other. */
export function nextTurn(callback: () => void): void {
  afterTurn(callback)
}
