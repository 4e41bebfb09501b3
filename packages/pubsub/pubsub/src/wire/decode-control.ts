import { binaryString } from '../binary-string.ts'
import type { MessageId } from '../message.ts'
import type { Control, Extensions, IHave, PeerExchange, Prune } from '../rpc.ts'
import { decodeError, type FieldReader } from './field-reader.ts'
import type { RpcLimits } from './limits.ts'

type Filled<T> = { -readonly [K in keyof T]-?: T[K] }
/** A control message while it is read. */
export type MutableControl = Filled<Control>

/** Reads the `control` field of RPCs (gossipsub specifications). */
export class ControlDecoder {
  readonly #input: FieldReader
  readonly #limits: RpcLimits
  // What is left of the limits for the RPC under way.
  #left = 0
  #ihaveIds = 0
  #iwantIds = 0
  #idontwantIds = 0

  constructor(input: FieldReader, limits: RpcLimits) {
    this.#input = input
    this.#limits = limits
  }

  /** Another RPC. */
  begin(): void {
    const { maxControl, maxIds, maxIdontwantIds } = this.#limits
    this.#left = maxControl
    this.#ihaveIds = this.#iwantIds = maxIds
    this.#idontwantIds = maxIdontwantIds
  }

  /** Adds what is in the field to what came before: a field that comes again is merged, as protobuf has it. */
  decode(end: number, control: MutableControl): void {
    while (this.#input.at < end) {
      const field = this.#input.field(end)
      if (field >= 1 && field <= 5 && --this.#left < 0) throw decodeError('too many control messages')
      switch (field) {
        case 1:
          ;((control.ihave ??= []) as IHave[]).push(this.#ihave(this.#input.inner(end)))
          break
        case 2: {
          const ids = this.#ids(this.#input.inner(end), this.#iwantIds)
          this.#iwantIds -= ids.length
          ;((control.iwant ??= []) as (readonly MessageId[])[]).push(ids)
          break
        }
        case 3:
          ;((control.graft ??= []) as string[]).push(this.#graft(this.#input.inner(end)))
          break
        case 4:
          ;((control.prune ??= []) as Prune[]).push(this.#prune(this.#input.inner(end)))
          break
        case 5: {
          const ids = this.#ids(this.#input.inner(end), this.#idontwantIds)
          this.#idontwantIds -= ids.length
          ;((control.idontwant ??= []) as (readonly MessageId[])[]).push(ids)
          break
        }
        case 6:
          if (control.extensions !== undefined) this.#input.useSpare()
          control.extensions = this.#extensions(this.#input.inner(end))
          break
        default:
          this.#input.skip(end)
      }
    }
  }

  #ihave(end: number): IHave {
    let topic = ''
    const ids: MessageId[] = []
    while (this.#input.at < end) {
      switch (this.#input.field(end)) {
        case 1:
          topic = this.#input.topic(end)
          break
        case 2:
          if (this.#id(end, this.#ihaveIds, ids)) this.#ihaveIds--
          break
        default:
          this.#input.skip(end)
      }
    }
    return { topic, ids }
  }

  /** At most `left` of them. */
  #ids(end: number, left: number): MessageId[] {
    const ids: MessageId[] = []
    while (this.#input.at < end) {
      if (this.#input.field(end) === 1) this.#id(end, left - ids.length, ids)
      else this.#input.skip(end)
    }
    return ids
  }

  #id(end: number, left: number, ids: MessageId[]): boolean {
    const valueEnd = this.#input.inner(end)
    const start = this.#input.at
    this.#input.at = valueEnd
    if (left <= 0 || valueEnd - start > this.#limits.maxIdBytes) return false
    ids.push(binaryString(this.#input.bytes.subarray(start, valueEnd)))
    return true
  }

  #graft(end: number): string {
    let topic = ''
    while (this.#input.at < end) {
      if (this.#input.field(end) === 1) topic = this.#input.topic(end)
      else this.#input.skip(end)
    }
    return topic
  }

  #prune(end: number): Prune {
    let topic = ''
    let peers: PeerExchange[] | undefined
    let backoffSeconds: number | undefined
    while (this.#input.at < end) {
      switch (this.#input.field(end)) {
        case 1:
          topic = this.#input.topic(end)
          break
        case 2: {
          peers ??= []
          const peer = this.#peer(this.#input.inner(end))
          if (peers.length < this.#limits.maxPeers) peers.push(peer)
          break
        }
        case 3:
          backoffSeconds = this.#input.number(end)
          break
        default:
          this.#input.skip(end)
      }
    }
    return {
      topic,
      ...(peers === undefined ? {} : { peers }),
      ...(backoffSeconds === undefined ? {} : { backoffSeconds })
    }
  }

  #peer(end: number): PeerExchange {
    let peerId = this.#input.bytes.subarray(0, 0)
    let signedPeerRecord: Uint8Array | undefined
    while (this.#input.at < end) {
      switch (this.#input.field(end)) {
        case 1:
          peerId = this.#input.view(end)
          break
        case 2:
          signedPeerRecord = this.#input.view(end)
          break
        default:
          this.#input.skip(end)
      }
    }
    return signedPeerRecord === undefined ? { peerId } : { peerId, signedPeerRecord }
  }

  #extensions(end: number): Extensions {
    let partialMessages = false
    let testExtension = false
    while (this.#input.at < end) {
      switch (this.#input.field(end)) {
        case 10:
          partialMessages = this.#input.bool(end)
          break
        case 6492434:
          testExtension = this.#input.bool(end)
          break
        default:
          this.#input.skip(end)
      }
    }
    return { partialMessages, testExtension }
  }
}

export function noControl(): MutableControl {
  return {
    ihave: undefined,
    iwant: undefined,
    graft: undefined,
    prune: undefined,
    idontwant: undefined,
    extensions: undefined
  }
}
