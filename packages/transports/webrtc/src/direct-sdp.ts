import type { DirectAddress } from './direct-address.ts'
import { formatFingerprint } from './fingerprint.ts'
import type { IceCredentials } from './ice-credentials.ts'

/** What the other side of a WebRTC Direct connection would have said, had there been a way to say it. */
interface InferredDescription {
  readonly address: DirectAddress
  readonly credentials: IceCredentials
  /** SHA-256 digest of its certificate. */
  readonly fingerprint: Uint8Array
}

/** The server's answer, which a client infers from the address. */
export function inferAnswer(server: InferredDescription): string {
  return describe(server, ['a=ice-lite'], 'passive')
}

/** Servers do not check the certificate of a client: Noise vouches for it. */
const anyFingerprint = new Uint8Array(32)

/** The client's offer, which a server infers from its first packet. Clients are the active ones in DTLS. */
export function inferOffer(client: Omit<InferredDescription, 'fingerprint'>): string {
  return describe({ ...client, fingerprint: anyFingerprint }, [], 'active')
}

function describe(
  { address: { host, port, family }, credentials, fingerprint }: InferredDescription,
  session: readonly string[],
  setup: 'active' | 'passive'
): string {
  return [
    'v=0',
    `o=- 0 0 IN IP${family} ${host}`,
    's=-',
    't=0 0',
    ...session,
    `m=application ${port} UDP/DTLS/SCTP webrtc-datachannel`,
    `c=IN IP${family} ${host}`,
    'a=mid:0',
    'a=ice-options:ice2',
    `a=ice-ufrag:${credentials.ufrag}`,
    `a=ice-pwd:${credentials.pwd}`,
    `a=fingerprint:sha-256 ${formatFingerprint(fingerprint)}`,
    `a=setup:${setup}`,
    'a=sctp-port:5000',
    'a=max-message-size:16384',
    `a=candidate:1467250027 1 UDP 1467250027 ${host} ${port} typ host`,
    'a=end-of-candidates',
    ''
  ].join('\r\n')
}
