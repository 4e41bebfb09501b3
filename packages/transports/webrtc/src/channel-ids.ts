/** The first ids of either side: a handshake runs on one, or a connection was made with it before anything was known. */
const firstId = 2

/**
 * The ids of the channels that we open: even ones for the DTLS client, odd ones for the server (RFC 8832, section 6). The
 * engine would take the lowest that is free. But while the reset of a stream is under way, which takes as long as the remote
 * delays its acknowledgement, what is sent on a channel with the same id waits in the engine, with all that is sent on any
 * channel behind it: so each id is used again as late as possible.
 */
export class ChannelIds {
  readonly #end: number
  #next: number
  /** Those that may be used again, the one that has rested longest first. */
  readonly #rested = new Set<number>()
  readonly #taken: ReadonlySet<number>

  /** `end`: the first id that there is not; `taken`: those in use. */
  constructor(client: boolean, end: number, taken: Iterable<number> = []) {
    this.#next = client ? firstId : firstId + 1
    this.#end = end
    this.#taken = new Set(taken)
  }

  /** Undefined when there is none that is surely free: the engine may know one. */
  take(): number | undefined {
    while (this.#next < this.#end) {
      const id = this.#next
      this.#next += 2
      if (!this.#taken.has(id)) return id
    }
    for (const id of this.#rested) {
      this.#rested.delete(id)
      return id
    }
    return undefined
  }

  /** Both sides have closed the channel. */
  free(id: number): void {
    if (id >= firstId) this.#rested.add(id)
  }
}
