import { BoundedMap } from '@peerloom/bounded'
import { checkValidity, maxCertificateBytes, verifyPeerCertificate } from '@peerloom/certificates'
import { peerIdFromPublicKey } from '@peerloom/identity'
import { type Clock, type PeerId, PeerloomError, type PublicKey } from '@peerloom/interface'
import type { TLSSocket } from 'node:tls'

interface KnownPeer {
  readonly remotePeer: PeerId
  readonly remoteKey: PublicKey
  readonly notBefore: number
  readonly notAfter: number
}

/** Certificates above this size are checked anew each time. */
const maxRememberedBytes = 2048

/** Who is behind a certificate. What was proved once is not proved again: a peer has one certificate for a long time. */
export class KnownPeers {
  readonly #clock: Clock
  /** By the bytes of the certificate. */
  readonly #peers: BoundedMap<string, KnownPeer>

  constructor(clock: Clock, maxEntries: number) {
    this.#clock = clock
    this.#peers = new BoundedMap({ maxEntries })
  }

  /** The peer at the other end of a finished handshake. Rejects with ERR_SECURITY. */
  async identify(socket: TLSSocket): Promise<KnownPeer> {
    if (socket.isSessionReused()) throw refused('a session was resumed, which proves nothing')
    // Once only: the call takes the first of the remote's certificates off their list.
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) throw refused('the remote has no certificate')
    if (certificate.issuerCertificate !== undefined) throw refused('the remote sent more than one certificate')
    const { raw } = certificate
    if (raw.length > maxCertificateBytes) throw refused(`a certificate of ${raw.length} bytes`)
    const now = this.#clock.now()
    const name = raw.toString('latin1')
    const known = this.#peers.get(name)
    if (known !== undefined) {
      checkValidity(known, now)
      return known
    }
    const { publicKey, notBefore, notAfter } = await verifyPeerCertificate(raw, now)
    const peer = { remotePeer: peerIdFromPublicKey(publicKey), remoteKey: publicKey, notBefore, notAfter }
    if (raw.length <= maxRememberedBytes) this.#peers.set(name, peer)
    return peer
  }
}

const refused = (message: string): PeerloomError =>
  new PeerloomError('ERR_SECURITY', `TLS: ${message}`, { remote: true })
