import { createHash } from 'node:crypto'
import type { PeerTraffic, PubsubTraffic, RpcKind, SeenPrune } from './foreign-pubsub.ts'

const maxPrunes = 1024
const maxCopies = 8192
const maxFrameBytes = 4 << 20

type Counts = Partial<Record<RpcKind, number>>
type Direction = 'sent' | 'received'

/** Called with each RPC, and the bytes of it that are behind its length. */
export type OnRpc = (rpc: Uint8Array, peer: string, direction: Direction, protocol: string) => void

/**
 * Counts what pubsub peers tell each other, read from the bytes of their streams by a decoder of its own: the side that is
 * looked at has no part in it.
 */
export class RpcTally {
  readonly #peers = new Map<
    string,
    PeerTraffic & { sent: Counts; received: Counts; protocol: string; extensions: string[] }
  >()
  readonly #copies: Record<Direction, Record<string, number>> = { sent: {}, received: {} }
  readonly #prunes: SeenPrune[] = []
  readonly #onRpc: OnRpc | undefined

  constructor(onRpc?: OnRpc) {
    this.#onRpc = onRpc
  }

  /** For one direction of a stream, after its negotiation: gives what is to be called with the bytes. */
  listener(peer: string, direction: Direction, protocol: string): (bytes: Uint8Array) => void {
    let buffered = new Uint8Array(0)
    if (direction === 'sent') this.#of(peer).protocol = protocol
    return (bytes) => {
      buffered = buffered.length === 0 ? bytes.slice() : new Uint8Array(Buffer.concat([buffered, bytes]))
      for (;;) {
        const [length, header] = varint(buffered, 0)
        if (header === 0 || length > maxFrameBytes || buffered.length < header + length) return
        const rpc = buffered.subarray(header, header + length)
        this.#onRpc?.(rpc, peer, direction, protocol)
        this.#count(peer, direction, rpc)
        buffered = buffered.slice(header + length)
      }
    }
  }

  traffic(score: (peer: string) => number | undefined): PubsubTraffic {
    const peers = [...this.#peers].map(([peer, { sent, received, protocol, extensions }]): [string, PeerTraffic] => [
      peer,
      { sent: { ...sent }, received: { ...received }, protocol, extensions: [...extensions], score: score(peer) }
    ])
    return {
      peers: Object.fromEntries(peers),
      copies: { sent: { ...this.#copies.sent }, received: { ...this.#copies.received } },
      prunes: [...this.#prunes],
      rejected: {}
    }
  }

  #of(peer: string): { sent: Counts; received: Counts; protocol: string; extensions: string[] } {
    let found = this.#peers.get(peer)
    if (found === undefined) {
      found = { sent: {}, received: {}, protocol: '', extensions: [], score: undefined }
      this.#peers.set(peer, found)
    }
    return found
  }

  #count(peer: string, direction: Direction, rpc: Uint8Array): void {
    const known = this.#of(peer)
    const counts = known[direction]
    const add = (kind: RpcKind, count = 1): void => {
      counts[kind] = (counts[kind] ?? 0) + count
    }
    add('rpc')
    for (const { number, value } of fields(rpc)) {
      if (number === 10) add('partial')
      if (typeof value === 'number') continue
      if (number === 1)
        add(fields(value).some((field) => field.number === 1 && field.value === 1) ? 'subscribe' : 'unsubscribe')
      if (number === 2) {
        add('publish')
        const digest = createHash('sha256')
          .update(bytesOf(value, 2)[0] ?? new Uint8Array(0))
          .digest('hex')
        const copies = this.#copies[direction]
        if (digest in copies || Object.keys(copies).length < maxCopies) copies[digest] = (copies[digest] ?? 0) + 1
      }
      if (number !== 3) continue
      for (const { number: kind, value: entry } of fields(value)) {
        if (typeof entry === 'number') continue
        if (kind === 1) add('ihave', bytesOf(entry, 2).length)
        if (kind === 2) add('iwant', bytesOf(entry, 1).length)
        if (kind === 3) add('graft')
        if (kind === 4) {
          add('prune')
          if (this.#prunes.length < maxPrunes) this.#prunes.push(describePrune(peer, direction, entry))
        }
        if (kind === 5) add('idontwant', bytesOf(entry, 1).length)
        if (kind !== 6) continue
        add('extensions')
        if (direction === 'received') known.extensions.push(...fields(entry).flatMap(extensionName))
      }
    }
  }
}

interface Field {
  readonly number: number
  readonly value: number | Uint8Array
}

function extensionName({ number, value }: Field): readonly string[] {
  if (value !== 1) return []
  if (number === 10) return ['partialMessages']
  return number === 6_492_434 ? ['testExtension'] : []
}

function describePrune(peer: string, direction: Direction, prune: Uint8Array): SeenPrune {
  const recommended = bytesOf(prune, 2)
  const backoff = fields(prune).find(({ number }) => number === 3)?.value
  return {
    peer,
    topic: new TextDecoder().decode(bytesOf(prune, 1)[0]),
    direction,
    backoffSeconds: typeof backoff === 'number' ? backoff : undefined,
    px: recommended.length,
    records: recommended.filter((one) => bytesOf(one, 2).some((record) => record.length > 0)).length
  }
}

function bytesOf(message: Uint8Array, wanted: number): readonly Uint8Array[] {
  return fields(message).flatMap(({ number, value }) => (number === wanted && typeof value !== 'number' ? [value] : []))
}

/** The fields of a protobuf message, up to the first that is broken. */
function fields(message: Uint8Array): readonly Field[] {
  const found: Field[] = []
  for (let at = 0; at < message.length;) {
    const [tag, tagBytes] = varint(message, at)
    if (tagBytes === 0) return found
    at += tagBytes
    const type = tag % 8
    let value: number | Uint8Array
    if (type === 0) {
      const [decoded, bytes] = varint(message, at)
      if (bytes === 0) return found
      at += bytes
      value = decoded
    } else {
      const [length, bytes] = type === 2 ? varint(message, at) : [type === 1 ? 8 : type === 5 ? 4 : -1, 0]
      if (length < 0 || (type === 2 && bytes === 0) || message.length - at - bytes < length) return found
      value = message.subarray(at + bytes, at + bytes + length)
      at += bytes + length
    }
    found.push({ number: Math.floor(tag / 8), value })
  }
  return found
}

/** The number at an offset and how many bytes it takes, 0 when it is not there as a whole. */
function varint(bytes: Uint8Array, at: number): readonly [value: number, bytes: number] {
  let value = 0
  for (let index = 0; index < 10; index++) {
    const byte = bytes[at + index]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return [value, index + 1]
  }
  return [0, 0]
}
