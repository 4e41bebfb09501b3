import type { EngineConnection, EngineConnectionEvents, EngineStream, EngineStreamEvents } from '@peerloom/quic-engine'

/** A stream whose every step the test takes itself. */
export class FakeStream implements EngineStream {
  readonly id = '1'
  events: EngineStreamEvents | undefined
  readonly written: Uint8Array[] = []
  finished = 0
  paused = false
  gone: (() => void) | undefined

  start(events: EngineStreamEvents): void {
    this.events = events
  }

  write(bytes: Uint8Array): void {
    this.written.push(bytes)
  }

  finish(): void {
    this.finished++
  }

  reset(gone: () => void): void {
    this.gone = gone
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }
}

export class FakeConnection implements EngineConnection {
  readonly rttMs: number = 7
  events!: EngineConnectionEvents
  readonly opening: ((stream: EngineStream) => void)[] = []
  closes = 0
  aborts = 0

  start(events: EngineConnectionEvents): void {
    this.events = events
  }

  open(): Promise<EngineStream> {
    return new Promise((resolve) => this.opening.push(resolve))
  }

  close(): Promise<void> {
    this.closes++
    return Promise.resolve()
  }

  abort(): void {
    this.aborts++
  }
}
