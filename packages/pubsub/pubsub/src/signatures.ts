import type { PeerId } from '@peerloom/interface'
import type { Authors } from './authors.ts'
import type { Verdict } from './router.ts'
import type { WireMessage } from './wire/wire-message.ts'

/** `StrictSign`: every message is signed. `StrictNoSign`: none says who it is from (pubsub specification). */
export type SignaturePolicy = 'StrictSign' | 'StrictNoSign'

const seqnoBytes = 8

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
  const verdict = authorKey.verify(message.signedBytes(), signature)
  if (typeof verdict === 'boolean') return verdict ? 'accept' : 'reject'
  // A platform that cannot verify says nothing about the message.
  return verdict.then(
    (isGenuine) => (isGenuine ? 'accept' : 'reject'),
    () => 'ignore'
  )
}
