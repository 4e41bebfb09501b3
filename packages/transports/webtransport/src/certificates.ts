import { certificateHash, createCertificate, type Extension, type OwnCertificate } from '@peerloom/certificates'
import type { Clock, Timer } from '@peerloom/interface'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Browsers take no certificate that is valid for more than 14 days (W3C WebTransport, "custom certificate requirements"). */
const validityMs = 14 * dayMs - hourMs
/** Clocks of others may be off by so much, in both directions. */
const skewMs = 6 * hourMs

/** A certificate and its multihash. */
export interface HashedCertificate {
  readonly certificate: OwnCertificate
  readonly hash: Uint8Array
}

/**
 * Two certificates that roll: the one in use, and the one that follows, whose hash is told long before so that addresses that
 * others keep go on to work (webtransport specification, "Certificates").
 */
export class RollingCertificates {
  readonly #clock: Clock
  readonly #onChange: () => void
  #current: HashedCertificate
  #next: HashedCertificate
  #timer: Timer | undefined = undefined

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock
    this.#onChange = onChange
    this.#current = make(clock.now() - skewMs)
    this.#next = make(this.#rollsAt - skewMs)
    this.#schedule()
  }

  get current(): HashedCertificate {
    return this.#current
  }

  /** Multihashes, in the order in which certificates are used. */
  get hashes(): readonly Uint8Array[] {
    return [this.#current.hash, this.#next.hash]
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer)
  }

  /** When those whose clock is ahead begin to refuse the current one. */
  get #rollsAt(): number {
    return this.#current.certificate.notAfter - skewMs
  }

  /** Timers are bounded, and clocks jump: looks again at least once a day. */
  #schedule(): void {
    const inMs = Math.min(Math.max(0, this.#rollsAt - this.#clock.now()), dayMs)
    this.#timer = this.#clock.setTimeout(() => {
      const now = this.#clock.now()
      const rolls = now >= this.#rollsAt
      if (rolls) {
        // A machine that slept for weeks has outlived both.
        this.#current = now < this.#next.certificate.notAfter - skewMs ? this.#next : make(now - skewMs)
        this.#next = make(this.#rollsAt - skewMs)
      }
      this.#schedule()
      if (rolls) this.#onChange()
    }, inMs)
  }
}

/** For signing handshakes (RFC 5280, 4.2.1.3). Chromium reads no certificate without any extension. */
const keyUsage: Extension = { objectId: '2.5.29.15', critical: true, value: Uint8Array.of(3, 2, 7, 0x80) }

function make(notBefore: number): HashedCertificate {
  const certificate = createCertificate({ notBefore, notAfter: notBefore + validityMs, extensions: [keyUsage] })
  return { certificate, hash: certificateHash(certificate.der) }
}
