// HTTP/3 (RFC 9114), WebTransport over it (draft-ietf-webtrans-http3), datagrams and capsules (RFC 9297).

export const frameType = { data: 0x00, headers: 0x01, settings: 0x04 } as const

/** First on a unidirectional stream. */
export const uniType = {
  control: 0x00,
  push: 0x01,
  qpackEncoder: 0x02,
  qpackDecoder: 0x03,
  webTransport: 0x54
} as const

/** First on a bidirectional stream of a session, before the session's id. */
export const webTransportBidi = 0x41

export const setting = {
  qpackMaxTableCapacity: 0x01,
  qpackBlockedStreams: 0x07,
  enableConnectProtocol: 0x08,
  h3Datagram: 0x33,
  h3DatagramDraft04: 0xffd277,
  enableWebTransportDraft02: 0x2b603742,
  webTransportMaxSessionsDraft07: 0xc671706a,
  webTransportMaxSessions: 0x14e9cd29,
  webTransportEnabled: 0x2c7cf000
} as const

export const capsuleType = { closeSession: 0x2843, drainSession: 0x78ae } as const

export const h3Error = {
  noError: 0x100,
  generalProtocolError: 0x101,
  excessiveLoad: 0x107,
  settingsError: 0x109,
  missingSettings: 0x10a,
  requestRejected: 0x10b,
  requestCancelled: 0x10c,
  messageError: 0x10e
} as const

/** Code 0 of an application among the codes of HTTP/3 (draft-ietf-webtrans-http3, "Resetting Data Streams"). */
export const sessionStreamError = 0x52e4a40fa8db
