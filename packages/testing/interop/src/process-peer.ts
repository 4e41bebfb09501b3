import type {
  CommandOptions,
  EchoOptions,
  ForeignConnection,
  ForeignIdentify,
  ForeignIdentity,
  ForeignPeer,
  ForeignRecord,
  ForeignStats
} from './foreign-peer.ts'
import type { ForeignPubsub } from './foreign-pubsub.ts'
import type { Fields, PeerProcess } from './peer-process.ts'
import { ProcessPubsub } from './process-pubsub.ts'

/** The typed face of a peer in a process of its own. */
export class ProcessPeer implements ForeignPeer {
  readonly implementation: string
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly pubsub: ForeignPubsub
  readonly #process: PeerProcess
  readonly #timeoutMs: number

  constructor(process: PeerProcess, ready: Fields, timeoutMs: number) {
    this.#process = process
    this.#timeoutMs = timeoutMs
    this.implementation = ready['implementation'] as string
    this.peerId = ready['peerId'] as string
    this.addresses = ready['addresses'] as string[]
    this.pubsub = new ProcessPubsub((name, fields, options) => this.#command(name, fields, options))
  }

  async dial(address: string, options?: CommandOptions): Promise<string> {
    return (await this.#command('dial', { addr: address }, options))['peer'] as string
  }

  async ping(peer: string, count: number, options?: CommandOptions): Promise<number[]> {
    return (await this.#command('ping', { peer, count }, options))['rtts'] as number[]
  }

  async echo(peer: string, { signal, ...fields }: EchoOptions): Promise<number> {
    return (await this.#command('echo', { peer, ...fields }, signal && { signal }))['bytes'] as number
  }

  async digest(peer: string, bytes: number, options?: CommandOptions): Promise<void> {
    await this.#command('digest', { peer, bytes }, options)
  }

  async reset(peer: string, options?: CommandOptions): Promise<number | undefined> {
    return ((await this.#command('reset', { peer }, options))['code'] as number | null) ?? undefined
  }

  async sendReset(peer: string, options?: CommandOptions & { readonly code?: number }): Promise<void> {
    await this.#command('send-reset', { peer, code: options?.code ?? 0 }, options)
  }

  async identify(peer: string, options?: CommandOptions): Promise<ForeignIdentify> {
    const answer = await this.#command('identify', { peer }, options)
    const record = answer['signedPeerRecord'] as string | null
    return {
      agentVersion: answer['agentVersion'] as string,
      protocolVersion: answer['protocolVersion'] as string,
      protocols: answer['protocols'] as string[],
      listenAddrs: answer['listenAddrs'] as string[],
      observedAddr: answer['observedAddr'] as string | undefined,
      signedPeerRecord: record === null ? undefined : fromBase64(record),
      publicKey: fromBase64(answer['publicKey'])
    }
  }

  async handle(protocol: string, options?: CommandOptions): Promise<void> {
    await this.#command('handle', { protocol }, options)
  }

  async connections(peer: string, options?: CommandOptions): Promise<readonly ForeignConnection[]> {
    const answer = await this.#command('connections', { peer }, options)
    return (answer['connections'] as Fields[]).map(toConnection)
  }

  async connectionInfo(peer: string, options?: CommandOptions): Promise<ForeignConnection> {
    return toConnection(await this.#command('connection-info', { peer }, options))
  }

  async close(peer: string, options?: CommandOptions): Promise<void> {
    await this.#command('close', { peer }, options)
  }

  async stats(options?: CommandOptions): Promise<ForeignStats> {
    const answer = await this.#command('stats', {}, options)
    return {
      resets: answer['resets'] as number,
      resetCodes: (answer['resetCodes'] as number[] | undefined) ?? [],
      served: answer['served'] as Record<string, number>
    }
  }

  async id(options?: CommandOptions): Promise<ForeignIdentity> {
    const answer = await this.#command('id', {}, options)
    return {
      peerId: answer['peerId'] as string,
      publicKey: fromBase64(answer['publicKey']),
      addresses: answer['addresses'] as string[]
    }
  }

  async sign(data: Uint8Array, options?: CommandOptions): Promise<Uint8Array> {
    return fromBase64((await this.#command('sign', { data: toBase64(data) }, options))['signature'])
  }

  async verify(
    publicKey: Uint8Array,
    data: Uint8Array,
    signature: Uint8Array,
    options?: CommandOptions
  ): Promise<{ readonly valid: boolean; readonly peerId: string }> {
    const fields = { publicKey: toBase64(publicKey), data: toBase64(data), signature: toBase64(signature) }
    const answer = await this.#command('verify', fields, options)
    return { valid: answer['valid'] as boolean, peerId: answer['peerId'] as string }
  }

  async peerRecord(
    options?: CommandOptions & { readonly legacy?: boolean }
  ): Promise<ForeignRecord & { readonly record: Uint8Array }> {
    const answer = await this.#command('peer-record', { legacy: options?.legacy === true }, options)
    return { ...toRecord(answer), record: fromBase64(answer['record']) }
  }

  async verifyRecord(record: Uint8Array, options?: CommandOptions): Promise<ForeignRecord> {
    return toRecord(await this.#command('verify-record', { record: toBase64(record) }, options))
  }

  async stop(): Promise<void> {
    await this.#process.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #command(name: string, fields: Fields, options?: CommandOptions): Promise<Fields> {
    return this.#process.command(name, fields, this.#timeoutMs, options?.signal)
  }
}

function toRecord(answer: Fields): ForeignRecord {
  return {
    peerId: answer['peerId'] as string,
    seq: BigInt(answer['seq'] as string),
    addresses: answer['addresses'] as string[]
  }
}

function toConnection(answer: Fields): ForeignConnection {
  return {
    direction: answer['direction'] as 'inbound' | 'outbound',
    remoteAddr: answer['remoteAddr'] as string,
    security: answer['security'] as string,
    muxer: answer['muxer'] as string,
    earlyMuxer: answer['earlyMuxer'] as boolean
  }
}

function fromBase64(text: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(text as string, 'base64'))
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
