import type { Control, Message } from '@peerloom/pubsub'
import { controlEntryBytes, controlRpcBytes } from '@peerloom/pubsub'
import type { Context } from './context.ts'
import type { Delivery } from './delivery.ts'
import type { PeerState } from './peer.ts'

/** With so much waiting for it, a peer does not read, and would hear of a message too late. */
const maxQueued = 256

/** "I have this one": keeps mesh peers from pushing large messages that we have already (gossipsub 1.2, IDONTWANT). */
export class DontWant<M extends Message, Handle> {
  readonly #context: Context<M, Handle>

  constructor(context: Context<M, Handle>) {
    this.#context = context
  }

  taken(peer: PeerState<M, Handle>, { idontwant = [] }: Control): void {
    if (idontwant.length === 0) return
    const { settings, seen, tick, host } = this.#context
    if (++peer.dontWantRpcs > settings.maxDontWantRpcs) return
    let left = settings.maxDontWantIds
    for (const ids of idontwant) {
      host.trace?.idontwant?.(peer, ids.length, 'received')
      for (const id of ids) {
        if (left-- <= 0) return
        // Mostly it crosses our own copy: what has been sent on, and does not wait for the peer, is not sent to it again.
        if (peer.queue.length === 0 && seen.get(id)?.status === 'accepted') continue
        peer.refuse(id, tick + settings.dontWantTicks, settings.maxDontWant)
      }
    }
  }

  /**
   * Announces a message before it is judged, since that can take long, but not before it is known to be genuine: with a
   * forged copy an attacker could have us send good ones away. One that is judged at once, and is soon sent, announces itself.
   */
  announce(message: M, delivery: Delivery<M, Handle>): void {
    if (message.bytes >= this.#context.settings.dontWantAtOnceBytes) this.#tell(message, delivery)
  }

  /** The message is still being judged. */
  delayed(message: M, delivery: Delivery<M, Handle>): void {
    const { dontWantAtOnceBytes, dontWantBytes } = this.#context.settings
    if (message.bytes >= dontWantBytes && message.bytes < dontWantAtOnceBytes) this.#tell(message, delivery)
  }

  #tell(message: M, delivery: Delivery<M, Handle>): void {
    const { settings, host, outbox } = this.#context
    const { topic } = delivery
    if (topic === undefined || message.bytes < settings.dontWantBytes) return
    const ids = [message.id]
    const item = { rpc: { control: { idontwant: [ids] } }, bytes: controlRpcBytes(controlEntryBytes.ids(ids)) }
    for (const peer of topic.mesh) {
      if (!peer.features.dontWant || delivery.sentBy(peer) || peer.queue.length >= maxQueued) continue
      // What it sends us in parts it does not send as a whole.
      if (topic.wish.requests === true && peer.supportsPartial(topic.name)) continue
      if (outbox.send(peer, item, 'control')) host.trace?.idontwant?.(peer, 1, 'sent')
    }
  }
}
