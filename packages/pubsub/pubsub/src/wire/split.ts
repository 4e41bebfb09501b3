import type { Message } from '../message.ts'
import type { Control, Rpc } from '../rpc.ts'
import { field, idFields, pruneBytes, rpcBytes, subscriptionBytes, topicField } from '../rpc-size.ts'

/** An RPC that is under way to be filled. */
class Pieces {
  readonly #limit: number
  readonly #done: Rpc<never>[] = []
  #rpc: { subscriptions?: unknown[]; control?: Record<string, unknown[] | object> } = {}
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** A piece takes what fits, and at least one thing. Eight bytes are for the head of a control field. */
  room(bytes: number): void {
    if (this.#bytes > 0 && this.#bytes + bytes + 8 > this.#limit) this.finish()
    this.#bytes += bytes
  }

  subscription(change: object): void {
    ;(this.#rpc.subscriptions ??= []).push(change)
  }

  control(kind: keyof Control, entry: unknown): void {
    const control = (this.#rpc.control ??= {})
    ;((control[kind] ??= []) as unknown[]).push(entry)
  }

  extensions(extensions: object): void {
    ;(this.#rpc.control ??= {})['extensions'] = extensions
  }

  finish(): readonly Rpc<never>[] {
    if (this.#bytes > 0) this.#done.push(this.#rpc as Rpc<never>)
    this.#rpc = {}
    this.#bytes = 0
    return this.#done
  }
}

/**
 * An RPC without messages as several of at most `limit` bytes: peers do not read longer ones (64 KiB in rust-libp2p). Single
 * entries are not split but lists of ids. What has to be in the first RPC of a stream stays in the first.
 */
export function splitRpc(rpc: Rpc<never>, limit: number): readonly Rpc<never>[] {
  if (rpcBytes(rpc as Rpc<Message>) <= limit) return [rpc]
  const pieces = new Pieces(limit)
  const { control } = rpc
  if (control?.extensions !== undefined) {
    pieces.room(16)
    pieces.extensions(control.extensions)
  }
  for (const change of rpc.subscriptions ?? []) {
    pieces.room(field(subscriptionBytes(change)))
    pieces.subscription(change)
  }
  for (const topic of control?.graft ?? []) {
    pieces.room(field(topicField(topic)))
    pieces.control('graft', topic)
  }
  for (const prune of control?.prune ?? []) {
    pieces.room(field(pruneBytes(prune)))
    pieces.control('prune', prune)
  }
  for (const kind of ['idontwant', 'iwant'] as const) {
    for (const ids of control?.[kind] ?? []) {
      for (const some of parts(ids, limit / 2)) {
        pieces.room(field(idFields(some)))
        pieces.control(kind, some)
      }
    }
  }
  for (const { topic, ids } of control?.ihave ?? []) {
    for (const some of parts(ids, limit / 2)) {
      pieces.room(field(topicField(topic) + idFields(some)))
      pieces.control('ihave', { topic, ids: some })
    }
  }
  const small = pieces.finish()
  const rest: Rpc<never>[] = []
  if (rpc.partial !== undefined) rest.push({ partial: rpc.partial })
  if (rpc.testExtension === true) rest.push({ testExtension: true })
  return [...small, ...rest]
}

function* parts(ids: readonly string[], limit: number): Iterable<readonly string[]> {
  let from = 0
  let bytes = 0
  for (let at = 0; at < ids.length; at++) {
    const size = field((ids[at] as string).length)
    if (at > from && bytes + size > limit) {
      yield ids.slice(from, at)
      from = at
      bytes = 0
    }
    bytes += size
  }
  if (from < ids.length || ids.length === 0) yield ids.slice(from)
}
