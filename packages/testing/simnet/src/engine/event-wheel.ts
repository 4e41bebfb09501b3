import { PeerloomError } from '@peerloom/interface'

/** Takes an event whose time has come. */
export type EventHandler = (kind: number, to: number, from: number, ref: number) => void

/** 64 us: at a million events a second, some dozens share a bucket. */
const bucketUs = 64
/** 2^14 buckets of 64 us are a slot, 1.05 s; 2^10 slots are an epoch, 18 minutes. */
const bucketsPerSlot = 16_384
const slotUs = bucketUs * bucketsPerSlot
const slotsPerEpoch = 1024
const epochUs = slotUs * slotsPerEpoch

// An event is 32 bytes in one buffer, so that it costs one line of cache: its time as a float, then five words.
const words = 8
const nextAt = 2
const kindAt = 3
const toAt = 4
const fromAt = 5
const refAt = 6
const none = -1

/**
 * What is to happen, in order of time, and of arrival where times are equal: a calendar queue of three levels. An event is a
 * time and four numbers and lives in flat memory: nothing is allocated for it, and a push and a take cost the same however many wait.
 *
 * Near events lie in buckets of 64 us; those of later slots in a list for each slot, those of later epochs in one list. A list is
 * dealt out when its turn comes, in the order in which it was filled, so that equal times stay in the order of arrival.
 */
export class EventWheel {
  /** Microseconds, whole. */
  now = 0
  #floats: Float64Array
  #ints: Int32Array
  #free = none
  #used = 0
  #length = 0
  readonly #near = new Lists(bucketsPerSlot)
  readonly #slots = new Lists(slotsPerEpoch)
  readonly #far = new Lists(1)
  #epoch = 0
  #slot = 0
  #bucket = 0
  /** The events of the current bucket, sorted; those before `#at` are done. */
  #current = new Int32Array(256)
  #at = 0
  #count = 0
  #unsorted = new Int32Array(256)
  /** Where the events of each microsecond of a bucket begin. */
  readonly #starts = new Int32Array(bucketUs + 1)

  /** `capacity`: events that there is room for at first; it grows. */
  constructor(capacity = 1024) {
    const buffer = new ArrayBuffer(capacity * words * 4)
    this.#floats = new Float64Array(buffer)
    this.#ints = new Int32Array(buffer)
  }

  /** Events that wait. */
  get length(): number {
    return this.#length
  }

  /** Bytes of memory that events take or took. */
  get bytes(): number {
    return this.#ints.byteLength
  }

  /** Adds an event at a time in microseconds, rounded up to whole ones; a time that has passed counts as now. */
  push(timeUs: number, kind: number, to: number, from: number, ref: number): void {
    if (!(timeUs < Number.MAX_SAFE_INTEGER)) {
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `${timeUs} is not a time in microseconds`)
    }
    const time = timeUs > this.now ? Math.ceil(timeUs) : this.now
    let event = this.#free
    if (event === none) {
      if (this.#used * words === this.#ints.length) this.#grow()
      event = this.#used++
    } else {
      this.#free = this.#ints[event * words + nextAt] as number
    }
    const ints = this.#ints
    const at = event * words
    this.#floats[at >> 1] = time
    ints[at + kindAt] = kind
    ints[at + toAt] = to
    ints[at + fromAt] = from
    ints[at + refAt] = ref
    this.#length++
    this.#place(event, time)
  }

  /** Takes events up to and including that time, and leaves `now` there. */
  run(untilUs: number, handle: EventHandler): void {
    while (this.#at < this.#count || this.#advance(untilUs)) {
      const event = this.#current[this.#at] as number
      const at = event * words
      const time = this.#floats[at >> 1] as number
      if (time > untilUs) break
      this.#at++
      this.#length--
      this.now = time
      const ints = this.#ints
      ints[at + nextAt] = this.#free
      this.#free = event
      handle(
        ints[at + kindAt] as number,
        ints[at + toAt] as number,
        ints[at + fromAt] as number,
        ints[at + refAt] as number
      )
    }
    if (this.now < untilUs) this.now = Math.floor(untilUs)
  }

  /** The time of the next event; undefined when there is none. Looks through what lies between: not for every event. */
  peek(): number | undefined {
    if (this.#at < this.#count) return this.#floats[((this.#current[this.#at] as number) * words) >> 1]
    if (this.#near.count > 0) {
      for (let bucket = this.#bucket + 1; bucket < bucketsPerSlot; bucket++) {
        if (this.#near.heads[bucket] !== none) return this.#earliest(this.#near, bucket)
      }
    }
    if (this.#slots.count > 0) {
      for (let slot = this.#slot + 1; slot < slotsPerEpoch; slot++) {
        if (this.#slots.heads[slot] !== none) return this.#earliest(this.#slots, slot)
      }
    }
    return this.#earliest(this.#far, 0)
  }

  #place(event: number, time: number): void {
    const epoch = Math.floor(time / epochUs)
    if (epoch !== this.#epoch) return this.#prepend(this.#far, 0, event)
    const slot = Math.floor((time - epoch * epochUs) / slotUs)
    if (slot !== this.#slot) return this.#prepend(this.#slots, slot, event)
    const bucket = Math.floor((time - epoch * epochUs - slot * slotUs) / bucketUs)
    // Buckets are left behind only when they are empty, and time does not go back: never before the current one.
    if (bucket > this.#bucket) return this.#prepend(this.#near, bucket, event)
    this.#insert(event, time)
  }

  /** In front of those that are there: what was added first is the last, and its memory is not touched. */
  #prepend(lists: Lists, list: number, event: number): void {
    this.#ints[event * words + nextAt] = lists.heads[list] as number
    lists.heads[list] = event
    lists.count++
  }

  /** Puts an event into the current bucket, behind those of its time. */
  #insert(event: number, time: number): void {
    if (this.#count === this.#current.length) {
      // What is done makes room before memory does.
      if (this.#at > this.#count >> 1) {
        this.#current.copyWithin(0, this.#at, this.#count)
        this.#count -= this.#at
        this.#at = 0
      } else this.#current = grown(this.#current)
    }
    const current = this.#current
    let at = this.#count++
    for (; at > this.#at; at--) {
      const before = current[at - 1] as number
      if ((this.#floats[(before * words) >> 1] as number) <= time) break
      current[at] = before
    }
    current[at] = event
  }

  /** Goes to the next bucket that holds something. False: there is none up to that time, and it stays where it is. */
  #advance(untilUs: number): boolean {
    for (;;) {
      const start = this.#epoch * epochUs + this.#slot * slotUs
      if (this.#near.count > 0) {
        const last = Math.min(bucketsPerSlot - 1, Math.floor((untilUs - start) / bucketUs))
        const { heads } = this.#near
        let bucket = this.#bucket + 1
        while (bucket <= last && heads[bucket] === none) bucket++
        if (bucket > last) return false
        this.#open(bucket)
        return true
      }
      if (this.#slots.count > 0) {
        const { heads } = this.#slots
        let slot = this.#slot + 1
        while (heads[slot] === none) slot++
        if (this.#epoch * epochUs + slot * slotUs > untilUs) return false
        this.#enter(this.#epoch, slot)
        this.#deal(this.#slots, slot)
      } else {
        const earliest = this.#earliest(this.#far, 0)
        if (earliest === undefined || earliest > untilUs) return false
        const epoch = Math.floor(earliest / epochUs)
        this.#enter(epoch, Math.floor((earliest - epoch * epochUs) / slotUs))
        this.#deal(this.#far, 0)
      }
      if (this.#at < this.#count) return true
    }
  }

  #enter(epoch: number, slot: number): void {
    this.#epoch = epoch
    this.#slot = slot
    this.#bucket = 0
    this.#at = this.#count = 0
  }

  /** Places the events of a list anew. */
  #deal(lists: Lists, list: number): void {
    const ints = this.#ints
    let first = none
    for (let event = lists.heads[list] as number; event !== none;) {
      const before = ints[event * words + nextAt] as number
      ints[event * words + nextAt] = first
      first = event
      event = before
    }
    lists.heads[list] = none
    for (let event = first; event !== none;) {
      const next = ints[event * words + nextAt] as number
      lists.count--
      this.#place(event, this.#floats[(event * words) >> 1] as number)
      event = next
    }
  }

  /** Makes a bucket the current one and sorts it: its times are so few that they are counted, not compared. */
  #open(bucket: number): void {
    const near = this.#near
    const startUs = this.#epoch * epochUs + this.#slot * slotUs + bucket * bucketUs
    let event = near.heads[bucket] as number
    near.heads[bucket] = none
    const starts = this.#starts.fill(0)
    let count = 0
    while (event !== none) {
      if (count === this.#unsorted.length) this.#unsorted = grown(this.#unsorted)
      const offset = (this.#floats[(event * words) >> 1] as number) - startUs
      this.#unsorted[count++] = event
      starts[offset + 1] = (starts[offset + 1] as number) + 1
      event = this.#ints[event * words + nextAt] as number
    }
    near.count -= count
    while (this.#current.length < count) this.#current = grown(this.#current)
    this.#bucket = bucket
    this.#at = 0
    this.#count = count
    const current = this.#current
    const unsorted = this.#unsorted
    if (count === 1) {
      current[0] = unsorted[0] as number
      return
    }
    for (let offset = 1; offset < bucketUs; offset++) {
      starts[offset] = (starts[offset] as number) + (starts[offset - 1] as number)
    }
    for (let at = count - 1; at >= 0; at--) {
      const next = unsorted[at] as number
      const offset = (this.#floats[(next * words) >> 1] as number) - startUs
      const place = starts[offset] as number
      starts[offset] = place + 1
      current[place] = next
    }
  }

  #earliest(lists: Lists, list: number): number | undefined {
    let earliest: number | undefined
    for (let event = lists.heads[list] as number; event !== none;) {
      const time = this.#floats[(event * words) >> 1] as number
      if (earliest === undefined || time < earliest) earliest = time
      event = this.#ints[event * words + nextAt] as number
    }
    return earliest
  }

  #grow(): void {
    const buffer = new ArrayBuffer(this.#ints.byteLength * 2)
    const ints = new Int32Array(buffer)
    ints.set(this.#ints)
    this.#ints = ints
    this.#floats = new Float64Array(buffer)
  }
}

/** Linked lists of events, by their number, the newest first. */
class Lists {
  readonly heads: Int32Array
  count = 0

  constructor(lists: number) {
    this.heads = new Int32Array(lists).fill(none)
  }
}

function grown(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2)
  to.set(from)
  return to
}
