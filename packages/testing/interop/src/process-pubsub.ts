import type { CommandOptions } from './foreign-peer.ts'
import type {
  ForeignMessage,
  ForeignPubsub,
  MessageParts,
  PartialUse,
  PeerTraffic,
  PubsubTraffic,
  SeenPrune
} from './foreign-pubsub.ts'
import type { Fields } from './peer-process.ts'

type Command = (name: string, fields: Fields, options?: CommandOptions) => Promise<Fields>

/** Pubsub of a peer in a process of its own. */
export class ProcessPubsub implements ForeignPubsub {
  readonly #command: Command

  constructor(command: Command) {
    this.#command = command
  }

  async subscribe(topic: string, options?: CommandOptions & { readonly partial?: PartialUse }): Promise<void> {
    await this.#command('subscribe', { topic, partial: options?.partial ?? '' }, options)
  }

  async unsubscribe(topic: string, options?: CommandOptions): Promise<void> {
    await this.#command('unsubscribe', { topic }, options)
  }

  async publish(topic: string, data: Uint8Array, options?: CommandOptions): Promise<void> {
    await this.#command('publish', { topic, data: Buffer.from(data).toString('base64') }, options)
  }

  async peers(topic: string, options?: CommandOptions): Promise<readonly string[]> {
    return (await this.#command('topic-peers', { topic }, options))['peers'] as string[]
  }

  async mesh(topic: string, options?: CommandOptions): Promise<readonly string[]> {
    return (await this.#command('mesh', { topic }, options))['peers'] as string[]
  }

  async messages(options?: CommandOptions): Promise<readonly ForeignMessage[]> {
    return ((await this.#command('messages', {}, options))['messages'] as Fields[]).map(toMessage)
  }

  async traffic(options?: CommandOptions): Promise<PubsubTraffic> {
    const answer = await this.#command('traffic', {}, options)
    const peers = Object.entries(answer['peers'] as Record<string, Fields>)
    return {
      peers: Object.fromEntries(peers.map(([peer, fields]) => [peer, toPeerTraffic(fields)])),
      copies: answer['copies'] as PubsubTraffic['copies'],
      prunes: (answer['prunes'] as Fields[]).map(toPrune),
      rejected: answer['rejected'] as Record<string, number>
    }
  }

  async publishParts(topic: string, group: Uint8Array, parts: MessageParts, options?: CommandOptions): Promise<void> {
    const encoded = parts.map((part) => (part === undefined ? null : Buffer.from(part).toString('base64')))
    await this.#command(
      'publish-parts',
      { topic, group: Buffer.from(group).toString('base64'), parts: encoded },
      options
    )
  }

  async parts(topic: string, group: Uint8Array, options?: CommandOptions): Promise<MessageParts> {
    const answer = await this.#command('parts', { topic, group: Buffer.from(group).toString('base64') }, options)
    return (answer['parts'] as (string | null)[]).map((part) => (part === null ? undefined : bytesOf(part)))
  }
}

function toMessage(fields: Fields): ForeignMessage {
  const seqno = fields['seqno'] as string | null
  return {
    id: bytesOf(fields['id'] as string),
    topic: fields['topic'] as string,
    from: (fields['from'] as string | null) ?? undefined,
    seqno: seqno === null || seqno === '' ? undefined : BigInt(`0x${Buffer.from(seqno, 'base64').toString('hex')}`),
    via: fields['via'] as string,
    bytes: fields['bytes'] as number,
    digest: fields['digest'] as string
  }
}

function toPeerTraffic(fields: Fields): PeerTraffic {
  return { ...(fields as unknown as PeerTraffic), score: (fields['score'] as number | null) ?? undefined }
}

function toPrune({ backoff, ...fields }: Fields): SeenPrune {
  return { ...(fields as unknown as SeenPrune), backoffSeconds: (backoff as number | null) ?? undefined }
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
