import {
  type Connection,
  type IdentifyResult,
  type Log,
  type NodeContext,
  type OnPeer,
  type PeerDiscovery,
  PeerloomError,
  type Timer,
  type Unsubscribe
} from '@peerloom/interface'
import { Memory } from './memory.ts'
import type { CheckedOptions } from './options.ts'
import { Schedule, type Target } from './schedule.ts'
import type { Entry } from './target.ts'

/** What lives from start to stop. */
interface Run {
  readonly schedule: Schedule
  readonly memory: Memory | undefined
  readonly stopped: AbortController
  readonly watching: readonly Unsubscribe[]
  /** Dials, and the reading of what was remembered. */
  readonly working: Set<Promise<void>>
  timer: Timer | undefined
}

/** Keeps the node connected to somebody. */
export class Bootstrap implements PeerDiscovery {
  onPeer: OnPeer | undefined
  readonly #node: NodeContext
  readonly #entries: readonly Entry[]
  readonly #options: CheckedOptions
  readonly #log: Log
  #run: Run | undefined

  constructor(node: NodeContext, entries: readonly Entry[], options: CheckedOptions) {
    this.#node = node
    this.#entries = entries
    this.#options = options
    this.#log = node.log('bootstrap')
  }

  start(): void {
    if (this.#run !== undefined) return
    const { clock, events, random, storage } = this.#node
    const { maxRemembered } = this.#options
    const memory =
      storage === undefined || maxRemembered === 0
        ? undefined
        : new Memory({ storage, clock, log: this.#log, maxPeers: maxRemembered })
    const run: Run = {
      schedule: new Schedule({ ...this.#options, random: () => fraction(random(4)) }),
      memory,
      stopped: new AbortController(),
      watching: [
        events.on('connection:close', () => this.#check(run)),
        events.on('peer:identify', (result) => this.#remember(run, result))
      ],
      working: new Set(),
      timer: undefined
    }
    this.#run = run
    for (const entry of this.#entries) this.#take(run, entry)
    if (memory !== undefined) this.#work(run, this.#recall(run, memory))
    this.#check(run)
  }

  async stop(): Promise<void> {
    const run = this.#run
    if (run === undefined) return
    this.#run = undefined
    for (const unsubscribe of run.watching) unsubscribe()
    this.#node.clock.clearTimeout(run.timer)
    run.stopped.abort(new PeerloomError('ERR_STOPPED', 'the node is stopping'))
    await Promise.all(run.working)
    await run.memory?.flush()
  }

  #take(run: Run, entry: Entry): void {
    const { peer, addresses } = entry
    if (peer?.equals(this.#node.peerId) === true) return
    run.schedule.add(entry)
    // The node is not to dial the whole list at once.
    if (peer !== undefined) this.onPeer?.({ id: peer, addresses, dial: false })
  }

  async #recall(run: Run, memory: Memory): Promise<void> {
    for (const { entry, signedRecord } of await memory.load()) {
      if (run !== this.#run) return
      await this.#node.peers.consumeRecord(signedRecord)
      this.#take(run, entry)
    }
    this.#check(run)
  }

  /** A peer that we dialled and that then told who it is can be reached again. */
  #remember(run: Run, { peerId, connection }: IdentifyResult): void {
    if (connection.direction !== 'outbound' || connection.limits !== undefined) return
    const signedRecord = this.#node.peers.get(peerId)?.signedRecord
    if (signedRecord !== undefined) run.memory?.remember(peerId, signedRecord)
  }

  #check(run: Run): void {
    if (run !== this.#run) return
    const { clock, connections } = this.#node
    clock.clearTimeout(run.timer)
    run.timer = undefined
    const now = clock.now()
    const plan = run.schedule.plan(now, connections.list().length, (peer) => connections.list(peer).length > 0)
    for (const target of plan.dial) this.#work(run, this.#dial(run, target))
    if (plan.againAt !== undefined) run.timer = clock.setTimeout(() => this.#check(run), plan.againAt - now)
  }

  async #dial(run: Run, target: Target): Promise<void> {
    let connection: Connection | undefined
    try {
      connection = await this.#node.connections.dial(target.addresses, {
        timeoutMs: this.#options.dialTimeoutMs,
        signal: run.stopped.signal
      })
    } catch (error) {
      if (this.#log.enabled) this.#log.debug('%s was not reached', target.key, error)
    }
    run.schedule.end(target, connection?.remotePeer)
    this.#check(run)
  }

  #work(run: Run, work: Promise<void>): void {
    const working = work.finally(() => run.working.delete(working))
    run.working.add(working)
  }
}

/** From 0 up to 1. */
const fraction = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32
