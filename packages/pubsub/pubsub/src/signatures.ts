import type { PeerId } from '@peerloom/interface'
import type { Authors } from './authors.ts'
import type { Verdict } from './router.ts'
import type { WireMessage } from './wire/wire-message.ts'

/** `StrictSign`: every message is signed. `StrictNoSign`: none says who it is from (pubsub specification). */
export type SignaturePolicy = 'StrictSign' | 'StrictNoSign'

const seqnoBytes = 8
/** Used again for each message: allocation would cost as much as a hash of it. Undefined while a key looks at it. */
let scratch: Uint8Array | undefined = new Uint8Array(64 * 1024)

/** Whether a message is what its author made. A message of our own that comes from elsewhere is none's fault, and no news. */
export function verifyMessage(
  message: WireMessage,
  policy: SignaturePolicy,
  authors: Authors,
  self: PeerId
): Verdict | Promise<Verdict> {
  if (message.isMalformed) return 'reject'
  const { from, seqno, signature, key } = message
  if (policy === 'StrictNoSign') {
    // Absent, not empty.
    const isBare = from === undefined && seqno === undefined && signature === undefined && key === undefined
    return isBare ? 'accept' : 'reject'
  }
  if (from === undefined || seqno?.length !== seqnoBytes || signature === undefined) return 'reject'
  const author = authors.of(message)
  if (author === undefined) return 'reject'
  if (author.peerId.equals(self)) return 'ignore'
  const authorKey = authors.keyOf(author, message)
  if (authorKey === undefined) return 'reject'
  const signed = message.signedBytes(scratch)
  const verdict = authorKey.verify(signed, signature)
  // A platform that takes its time keeps what it was given: it gets fresh bytes from now on.
  if (typeof verdict !== 'boolean' && signed.buffer === scratch?.buffer) scratch = undefined
  if (typeof verdict === 'boolean') return verdict ? 'accept' : 'reject'
  // A platform that cannot verify says nothing about the message.
  return verdict.then(
    (isGenuine) => (isGenuine ? 'accept' : 'reject'),
    () => 'ignore'
  )
}
