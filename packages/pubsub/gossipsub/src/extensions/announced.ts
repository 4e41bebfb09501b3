import type { Extensions } from '@peerloom/pubsub'

/**
 * What a peer can do beyond GossipSub 1.2. It says so in the first RPC of its stream, or it can do nothing: there is no
 * negotiation (gossipsub 1.3, "The Extensions Control Message").
 */
export class Announced {
  #isHeard = false
  partialMessages = false
  testExtension = false

  /** Takes note of an RPC. `first`: now we know. `again`: a breach, they are announced once. */
  hear(extensions: Extensions | undefined): 'first' | 'again' | undefined {
    if (this.#isHeard) return extensions === undefined ? undefined : 'again'
    this.#isHeard = true
    this.partialMessages = extensions?.partialMessages === true
    this.testExtension = extensions?.testExtension === true
    return 'first'
  }

  /** The peer has a new stream. */
  restart(): void {
    this.#isHeard = this.partialMessages = this.testExtension = false
  }
}
