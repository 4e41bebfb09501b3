import { PeerloomError } from '@peerloom/interface'
import { FrameReader, frame } from './frame-reader.ts'
import { capsuleType } from './h3-constants.ts'

/** The message of a good-bye (draft-ietf-webtrans-http3, "Session Termination"), behind a code of four bytes. */
const maxMessageBytes = 1024
const codeBytes = 4

/** Reads the capsules of a session; `onClose` when the remote says good-bye. */
export function capsuleReader(onClose: (code: number) => void): FrameReader {
  return new FrameReader([capsuleType.closeSession], codeBytes + maxMessageBytes, (_type, payload) => {
    if (payload.length < codeBytes) {
      throw new PeerloomError('ERR_PROTOCOL_VIOLATION', 'a good-bye without a code', { remote: true })
    }
    onClose(new DataView(payload.buffer, payload.byteOffset).getUint32(0))
  })
}

/** A good-bye without a message. */
export const closeCapsule = (code: number): Uint8Array => {
  const payload = new Uint8Array(codeBytes)
  new DataView(payload.buffer).setUint32(0, code)
  return frame(capsuleType.closeSession, payload)
}
