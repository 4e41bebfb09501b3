import { generateKey, peerIdFromPublicKey } from '@peerloom/identity'
import { Authors, encodeRpc, verifyMessage, type WireMessage } from '@peerloom/pubsub'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decoder } from './readers.ts'

interface Captured {
  readonly source: string
  readonly protocol: string
  readonly signed: boolean
  readonly counts: Readonly<Record<string, number>>
  readonly rpc: string
}

/** Written by js-libp2p, go-libp2p and rust-libp2p; `packages/testing/interop/src/capture-rpcs.ts` says how. */
const { rpcs } = JSON.parse(readFileSync(new URL('fixtures/foreign-rpcs.json', import.meta.url), 'utf8')) as {
  readonly rpcs: readonly Captured[]
}
const self = peerIdFromPublicKey((await generateKey('Ed25519')).publicKey)

describe.each(rpcs.map((one) => ({ ...one, what: Object.keys(one.counts).join(', '), bytes: bytesOf(one) })))(
  '$source sends $what',
  ({ counts, signed, bytes }) => {
    test('with as many entries as another decoder finds', () => {
      expect(countsOf(bytes)).toEqual(counts)
    })

    test('which survive being written by us', () => {
      expect(countsOf(encodeRpc(decoder().decode(bytes)))).toEqual(counts)
    })

    if (counts['publish'] === undefined) return
    test('signed as the policy wants it', async () => {
      for (const message of decoder().decode(bytes).publish ?? []) {
        const verdict = (policy: 'StrictSign' | 'StrictNoSign'): unknown =>
          verifyMessage(message, policy, new Authors(), self)
        expect(await verdict('StrictSign')).toBe(signed ? 'accept' : 'reject')
        expect(await verdict('StrictNoSign')).toBe(signed ? 'reject' : 'accept')
      }
    })

    if (!signed) return
    test('with a signature over every byte of a message', async () => {
      const [message] = decoder().decode(bytes).publish as readonly [WireMessage]
      const at = Buffer.from(bytes).indexOf(message.data)
      const [changed] = decoder().decode(bytes.with(at, (bytes[at] ?? 0) ^ 1)).publish as readonly [WireMessage]
      expect(await verifyMessage(changed, 'StrictSign', new Authors(), self)).toBe('reject')
    })
  }
)

function bytesOf({ rpc }: Captured): Uint8Array {
  return new Uint8Array(Buffer.from(rpc, 'base64'))
}

function countsOf(bytes: Uint8Array): Record<string, number> {
  const { subscriptions = [], publish = [], control = {}, partial } = decoder().decode(bytes)
  const { ihave = [], iwant = [], graft = [], prune = [], idontwant = [], extensions } = control
  const counts = {
    subscribe: subscriptions.filter(({ subscribe }) => subscribe).length,
    unsubscribe: subscriptions.filter(({ subscribe }) => !subscribe).length,
    publish: publish.length,
    ihave: ihave.flatMap(({ ids }) => ids).length,
    iwant: iwant.flat().length,
    graft: graft.length,
    prune: prune.length,
    idontwant: idontwant.flat().length,
    extensions: extensions === undefined ? 0 : 1,
    partial: partial === undefined ? 0 : 1
  }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}
