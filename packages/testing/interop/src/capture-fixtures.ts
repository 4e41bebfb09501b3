// Freezes what other implementations sign, as vectors for @peerloom/identity: `node src/capture-fixtures.ts`.
// Every key is generated for the run and thrown away with its peer.
import { mkdirSync, writeFileSync } from 'node:fs'
import {
  startForeignPeer,
  type ForeignKeyType,
  type ForeignPeer,
  type ForeignPeerKind,
  type ForeignRecord
} from './foreign-peer.ts'
import { startNpmPeer } from './npm-peer.ts'

const folder = new URL('../../../foundation/identity/test/fixtures/', import.meta.url)
const keyTypes: readonly ForeignKeyType[] = ['ed25519', 'secp256k1', 'rsa', 'ecdsa']
const data = new TextEncoder().encode('peerloom: the same bytes, signed by every implementation')
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

const records: unknown[] = []
const legacyRecords: unknown[] = []
const signatures: unknown[] = []

// What goes into a fixture has been accepted by go-libp2p and by rust-libp2p, so that they agree on it.
const judges = [await required('go'), await required('rust')]
for (const keyType of keyTypes) {
  await capture(await required('go', keyType), keyType)
  await capture(await required('rust', keyType), keyType)
  // js-libp2p derives no peer ids from ECDSA keys; its encoding of them and its signatures are not those of the others.
  if (keyType !== 'ecdsa') await capture(await startNpmPeer({ keyType }), keyType)
}
for (const judge of judges) await judge.stop()

mkdirSync(folder, { recursive: true })
const note = 'Byte strings are base64; publicKey is the protobuf encoding, envelope the marshalled signed envelope.'
const legacyNote =
  'What rust-libp2p puts into identify: properly signed, but with domain libp2p-routing-state and payload type ' +
  '/libp2p/routing-state-record. No other implementation accepts these.'
write('foreign-records.json', { note, records, legacyNote, legacyRecords })
write('foreign-signatures.json', { note, data: base64(data), signatures })

async function required(kind: ForeignPeerKind, keyType: ForeignKeyType = 'ed25519'): Promise<ForeignPeer> {
  const peer = await startForeignPeer(kind, { keyType })
  if (peer === undefined) throw new Error(`without the ${kind} peer the fixtures would be incomplete`)
  return peer
}

async function capture(peer: ForeignPeer, keyType: ForeignKeyType): Promise<void> {
  const { peerId, publicKey } = await peer.id()
  const signature = await peer.sign(data)
  const sealed = await peer.peerRecord()
  for (const judge of judges) {
    const verdict = await judge.verify(publicKey, data, signature)
    const opened = await judge.verifyRecord(sealed.record)
    if (!verdict.valid || verdict.peerId !== peerId || opened.peerId !== peerId || opened.seq !== sealed.seq) {
      throw new Error(`${judge.implementation} does not agree with ${peer.implementation} on ${keyType}`)
    }
  }
  const common = { source: peer.implementation, keyType, peerId, publicKey: base64(publicKey) }
  signatures.push({ ...common, signature: base64(signature) })
  records.push({ ...common, ...content(sealed) })
  if (peer.implementation.startsWith('rust')) {
    legacyRecords.push({ ...common, ...content(await peer.peerRecord({ legacy: true })) })
  }
  await peer.stop()
}

function content(sealed: ForeignRecord & { readonly record: Uint8Array }): Record<string, unknown> {
  return { seq: sealed.seq.toString(), addresses: sealed.addresses, envelope: base64(sealed.record) }
}

function write(name: string, fixture: unknown): void {
  writeFileSync(new URL(name, folder), `${JSON.stringify(fixture, null, 2)}\n`)
  console.log(`wrote ${name}`)
}
