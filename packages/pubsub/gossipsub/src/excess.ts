import type { Message, Rpc } from '@peerloom/pubsub'
import type { Context } from './context.ts'
import type { PeerState } from './peer.ts'

/**
 * What costs a peer nothing to ask and us something to look at: subscriptions, and entries of control messages. Each kind has
 * its own bound, over which it is ignored; all together have one that no peer comes near which means well, and over which they
 * are breaches of the protocol (P7).
 */
export class Excess<M extends Message, Handle> {
  readonly #context: Context<M, Handle>

  constructor(context: Context<M, Handle>) {
    this.#context = context
  }

  /** An RPC of the peer. */
  taken(peer: PeerState<M, Handle>, rpc: Rpc<M>): void {
    const more = entriesOf(rpc)
    if (more === 0) return
    const { settings, scores } = this.#context
    const before = Math.floor(peer.entries / settings.maxEntries)
    peer.entries += more
    const breaches = Math.floor(peer.entries / settings.maxEntries) - before
    if (breaches > 0) scores.penalize(peer.score, breaches)
  }
}

function entriesOf({ subscriptions = [], control }: Rpc): number {
  let entries = subscriptions.length
  if (control === undefined) return entries
  const { ihave = [], iwant = [], idontwant = [], graft = [], prune = [] } = control
  for (const { ids } of ihave) entries += 1 + ids.length
  for (const ids of iwant) entries += 1 + ids.length
  for (const ids of idontwant) entries += 1 + ids.length
  return entries + graft.length + prune.length
}
