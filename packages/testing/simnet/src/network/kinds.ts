import { rpcBytes, type Rpc } from '@peerloom/pubsub'
import type { SimMessage } from './message.ts'

/** What the bytes of an RPC are for. */
export const rpcKinds = ['messages', 'subscriptions', 'ihave', 'iwant', 'graft', 'prune', 'idontwant', 'other'] as const
export type RpcKind = (typeof rpcKinds)[number]

/** How much of all that was sent went to each kind. */
export class KindCounts {
  readonly bytes: Float64Array = new Float64Array(rpcKinds.length)
  readonly counts: Float64Array = new Float64Array(rpcKinds.length)

  addMessage(bytes: number): void {
    this.bytes[0] = (this.bytes[0] as number) + bytes
    this.counts[0] = (this.counts[0] as number) + 1
  }

  /** An RPC without messages. What carries one kind of control only, as most do, is not measured again. */
  addRpc(rpc: Rpc<never>, bytes: number): void {
    const { control, subscriptions } = rpc
    const kinds =
      (subscriptions === undefined ? 0 : 1 << 1) |
      (control?.ihave === undefined ? 0 : 1 << 2) |
      (control?.iwant === undefined ? 0 : 1 << 3) |
      (control?.graft === undefined ? 0 : 1 << 4) |
      (control?.prune === undefined ? 0 : 1 << 5) |
      (control?.idontwant === undefined ? 0 : 1 << 6)
    if (kinds === 0) return this.#add(7, bytes)
    if ((kinds & (kinds - 1)) === 0) return this.#add(31 - Math.clz32(kinds), bytes)
    let left = bytes
    for (let kind = 1; kind < 7; kind++) {
      if ((kinds & (1 << kind)) === 0) continue
      const part = partBytes(rpc, kind)
      left -= part
      this.#add(kind, part)
    }
    // Tags that the kinds share, and extensions.
    this.bytes[7] = (this.bytes[7] as number) + left
  }

  byKind(): Record<RpcKind, { readonly count: number; readonly bytes: number }> {
    return Object.fromEntries(
      rpcKinds.map((kind, at) => [kind, { count: this.counts[at] as number, bytes: this.bytes[at] as number }])
    ) as Record<RpcKind, { count: number; bytes: number }>
  }

  #add(kind: number, bytes: number): void {
    this.bytes[kind] = (this.bytes[kind] as number) + bytes
    this.counts[kind] = (this.counts[kind] as number) + 1
  }
}

function partBytes({ subscriptions = [], control = {} }: Rpc<never>, kind: number): number {
  const alone = (rpc: Rpc<SimMessage>): number => rpcBytes(rpc)
  const { ihave = [], iwant = [], graft = [], prune = [], idontwant = [] } = control
  const parts: readonly Rpc<SimMessage>[] = [
    {},
    { subscriptions },
    { control: { ihave } },
    { control: { iwant } },
    { control: { graft } },
    { control: { prune } },
    { control: { idontwant } }
  ]
  return alone(parts[kind] as Rpc<SimMessage>)
}
