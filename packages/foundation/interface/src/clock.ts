/** A timer that `Clock.setTimeout` made. Opaque. */
export type Timer = object | number

/** Time as a module sees it. Injected, so that protocol cores run under virtual time (rule R6). */
export interface Clock {
  /** Milliseconds since the epoch, never going backwards. */
  now(): number
  /** Calls back once after `delayMs`, clamped to 0 .. 2^31-1. */
  setTimeout(callback: () => void, delayMs: number): Timer
  clearTimeout(timer: Timer | undefined): void
}

/** Fills the array with random bytes and returns it. */
export type RandomBytes = (length: number) => Uint8Array

/** The largest delay a platform timer takes: above it, timers fire at once. */
const longestDelayMs = 2 ** 31 - 1

let last = 0

/** The clock of the machine. `now()` is the wall clock, held still when it is set back. */
export const systemClock: Clock = {
  now(): number {
    const now = Date.now()
    if (now > last) last = now
    return last
  },
  setTimeout(callback: () => void, delayMs: number): Timer {
    const delay = Number.isFinite(delayMs) ? Math.min(Math.max(delayMs, 0), longestDelayMs) : longestDelayMs
    return setTimeout(callback, delay)
  },
  clearTimeout(timer: Timer | undefined): void {
    clearTimeout(timer as ReturnType<typeof setTimeout> | undefined)
  }
}

/** `crypto.getRandomValues` in chunks that every runtime takes. */
export const systemRandom: RandomBytes = (length) => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}
