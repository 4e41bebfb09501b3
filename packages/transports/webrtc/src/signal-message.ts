import { ProtobufReader, ProtobufWriter } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'
import type { Codec } from '@peerloom/streams'
import type { IceCandidate } from './engine-interface.ts'

export const signalingProtocol = '/webrtc-signaling/0.0.1'

/** Session descriptions of browsers are 1 to 4 KiB. */
export const maxSignalBytes: number = 32 * 1024
const maxCandidateBytes = 2048

/** `type` of a message (webrtc.md, Signaling Protocol). */
export const signalType = { offer: 0, answer: 1, candidate: 2 } as const

export interface SignalMessage {
  readonly type: number
  readonly data: string
}

export const signalCodec: Codec<SignalMessage> = {
  encode: ({ type, data }) => new ProtobufWriter().uint64(1, type).string(2, data).finish(),
  decode(bytes) {
    const reader = new ProtobufReader(bytes, { maxFields: 16 })
    // proto3 leaves out what is 0: an offer.
    let type: number = signalType.offer
    let data = ''
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) type = Number(reader.uint64())
      else if (field === 2) data = reader.string()
      else reader.skip()
    }
    return { type, data }
  }
}

export function encodeCandidate(candidate: IceCandidate): string {
  return JSON.stringify(candidate)
}

/** What `RTCIceCandidate.toJSON` wrote; undefined for the end of candidates. Throws ERR_DECODE. */
export function decodeCandidate(data: string): IceCandidate | undefined {
  const fail = (what: string): PeerloomError =>
    new PeerloomError('ERR_DECODE', `WebRTC signaling: ${what}`, { remote: true })
  if (data.length > maxCandidateBytes) throw fail(`a candidate of ${data.length} characters`)
  let value: unknown
  try {
    value = data === '' ? null : JSON.parse(data)
  } catch {
    throw fail('a candidate that is not JSON')
  }
  if (value === null || value === '') return undefined
  if (typeof value !== 'object' || !('candidate' in value) || typeof value.candidate !== 'string') {
    throw fail('a candidate without its text')
  }
  if (value.candidate === '') return undefined
  const { sdpMid, sdpMLineIndex, usernameFragment } = value as Record<string, unknown>
  return {
    candidate: value.candidate,
    sdpMid: typeof sdpMid === 'string' ? sdpMid : '0',
    sdpMLineIndex: typeof sdpMLineIndex === 'number' ? sdpMLineIndex : 0,
    ...(typeof usernameFragment === 'string' ? { usernameFragment } : {})
  }
}

/**
 * Whether a candidate names an address of its own. One with a name in it would have us resolve whatever a remote likes;
 * the hidden addresses of browsers (`….local`) are found when the other side is the one that is reached.
 */
export function hasAddress({ candidate }: IceCandidate): boolean {
  const host = candidate.split(' ')[4] ?? ''
  return /^[0-9a-fA-F:.]+$/.test(host) && /[:.]/.test(host)
}
