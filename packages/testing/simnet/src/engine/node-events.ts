import { type EventHandler, EventWheel } from './event-wheel.ts'

// An event of a window: its time, and four words.
const words = 4
const kindAt = 0
const fromAt = 1
const refAt = 2
const nextAt = 3
const none = -1

/**
 * What is to happen to nodes, in windows of time and in each of them one node after the other. Nodes hear of each other no sooner
 * than the shortest way between them takes. Inside of a window of that length it does not matter to a node how far the others
 * are, so all that is due to it is done in one go, in order of time, while what it consists of is in the cache.
 *
 * Scripts may touch whatever they like: no window goes beyond the next of them.
 */
export class NodeEvents {
  /** Microseconds, whole: the time of the event that is under way. Goes back from node to node, but not beyond the window. */
  now = 0
  readonly #windowUs: number
  readonly #wheel = new EventWheel(65_536)
  readonly #scripts = new EventWheel()
  /** When the next script is due; undefined: not looked up. */
  #nextScript: number | undefined
  // The window: its events in order of time, and for each node a list of its own among them.
  #times = new Float64Array(1024)
  #words = new Int32Array(1024 * words)
  #count = 0
  #endUs = 0
  readonly #first: Int32Array
  readonly #last: Int32Array
  readonly #due: Int32Array
  #dueCount = 0
  /** The node whose turn it is, and its event that is under way. */
  #node = none
  #at = none

  /** `windowUs`: no event of a node makes one of another that is due sooner than so many microseconds later; at least 1. */
  constructor(nodes: number, windowUs: number) {
    this.#windowUs = Math.max(1, Math.floor(windowUs))
    this.#first = new Int32Array(nodes).fill(none)
    this.#last = new Int32Array(nodes)
    this.#due = new Int32Array(nodes)
  }

  /** Events that wait. */
  get length(): number {
    return this.#wheel.length + this.#scripts.length
  }

  /** Adds an event of a node, at a time in microseconds. */
  push(timeUs: number, kind: number, node: number, from: number, ref: number): void {
    if (node === this.#node && timeUs < this.#endUs)
      this.#insert(Math.ceil(Math.max(timeUs, this.now)), kind, from, ref)
    else this.#wheel.push(timeUs, kind, node, from, ref)
  }

  /** Adds an event that may touch more than one node. It waits for the end of the window. */
  script(timeUs: number, kind: number, to: number, from: number, ref: number): void {
    this.#scripts.push(Math.max(timeUs, this.#node === none ? this.now : this.#endUs), kind, to, from, ref)
    this.#nextScript = undefined
  }

  /** Takes events up to and including that time, and leaves `now` there. */
  run(untilUs: number, handle: EventHandler): void {
    const collect: EventHandler = (kind, node, from, ref) => this.#collect(kind, node, from, ref)
    const runScript: EventHandler = (kind, to, from, ref) => {
      this.now = this.#scripts.now
      handle(kind, to, from, ref)
    }
    for (;;) {
      const script = (this.#nextScript ??= this.#scripts.peek() ?? Number.POSITIVE_INFINITY)
      const start = this.#wheel.peek() ?? Number.POSITIVE_INFINITY
      if (Math.min(script, start) > untilUs) break
      if (script <= start) {
        this.#nextScript = undefined
        this.#scripts.run(script, runScript)
        continue
      }
      this.#endUs = Math.min(start + this.#windowUs, script, Math.floor(untilUs) + 1)
      this.#wheel.run(this.#endUs - 1, collect)
      this.#takeTurns(handle)
    }
    this.now = Math.floor(untilUs)
  }

  /** Each node has its turn, in the order in which they have something to do first. */
  #takeTurns(handle: EventHandler): void {
    for (let turn = 0; turn < this.#dueCount; turn++) {
      const node = this.#due[turn] as number
      this.#node = node
      for (let at = this.#first[node] as number; at !== none; at = this.#words[at * words + nextAt] as number) {
        this.#at = at
        this.now = this.#times[at] as number
        const event = at * words
        const list = this.#words
        handle(list[event + kindAt] as number, node, list[event + fromAt] as number, list[event + refAt] as number)
      }
      this.#first[node] = none
    }
    this.#node = none
    this.#count = this.#dueCount = 0
  }

  #collect(kind: number, node: number, from: number, ref: number): void {
    const event = this.#add(this.#wheel.now, kind, from, ref, none)
    if (this.#first[node] === none) {
      this.#first[node] = event
      this.#due[this.#dueCount++] = node
    } else {
      this.#words[(this.#last[node] as number) * words + nextAt] = event
    }
    this.#last[node] = event
  }

  /** Inside of the window, for the node whose turn it is: behind what is due at that time. */
  #insert(time: number, kind: number, from: number, ref: number): void {
    let before = this.#at
    let behind = this.#words[before * words + nextAt] as number
    while (behind !== none && (this.#times[behind] as number) <= time) {
      before = behind
      behind = this.#words[before * words + nextAt] as number
    }
    const event = this.#add(time, kind, from, ref, behind)
    this.#words[before * words + nextAt] = event
  }

  #add(time: number, kind: number, from: number, ref: number, next: number): number {
    const event = this.#count++
    if (event === this.#times.length) this.#grow()
    this.#times[event] = time
    const list = this.#words
    const at = event * words
    list[at + kindAt] = kind
    list[at + fromAt] = from
    list[at + refAt] = ref
    list[at + nextAt] = next
    return event
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    times.set(this.#times)
    this.#times = times
    const list = new Int32Array(this.#words.length * 2)
    list.set(this.#words)
    this.#words = list
  }
}
