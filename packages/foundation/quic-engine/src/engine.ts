/**
 * What an engine tells of one of its streams. Calls come in order: data*, then end or lost; `written` once for each `write`.
 * Nothing is called any more once `reset` was.
 */
export interface EngineStreamEvents {
  /** The bytes belong to the receiver. */
  data(bytes: Uint8Array): void
  /** The remote sends no more. */
  end(): void
  /** What was given to `write` has been taken: the next piece may come. */
  written(): void
  /** The remote reads no more (STOP_SENDING): what is not sent yet is of no use, our end is reached. */
  stopped(): void
  /** The remote reset the stream, or (`carrierLost`) what carries it is gone. */
  lost(error: Error, carrierLost: boolean): void
}

/** A stream as an engine has it. No call on it throws. */
export interface EngineStream {
  /** Unique in its connection. */
  readonly id: string
  /** Begins delivering. Called once, before anything else. */
  start(events: EngineStreamEvents): void
  /** Takes one piece, which belongs to the engine from now on. The next one only after `written`. */
  write(bytes: Uint8Array): void
  /** Our end; not while a piece is under way. */
  finish(): void
  /**
   * Gives up both directions. `gone` is called when nothing of the stream is left: an engine that is blocked in a write may
   * need until the remote reads or the connection is over.
   */
  reset(gone: () => void): void
  /**
   * Nobody takes what arrives. What comes all the same is kept: as much as shows the remote's end or reset, and no more than
   * a bounded rest.
   */
  pause(): void
  resume(): void
}

export interface EngineConnectionEvents {
  /** The remote opened a stream; `start` it or `reset` it. */
  stream(stream: EngineStream): void
  /** Called once; without an error when one of the two ends closed it in good order. Streams are told on their own. */
  closed(error?: Error): void
}

/** An encrypted connection with streams of its own. */
export interface EngineConnection {
  /** In ms; undefined before it was measured. */
  readonly rttMs: number | undefined
  /** Begins delivering. Called once. */
  start(events: EngineConnectionEvents): void
  /** A new stream; waits while the remote allows no more. Rejects when the connection is over. */
  open(): Promise<EngineStream>
  /** Lets what was written arrive, then ends the connection for both sides. Bounded, never rejects. */
  close(): Promise<void>
  /** Ends it at once. */
  abort(): void
}
