import {
  certificateHash,
  createCertificate,
  type Extension,
  type OwnCertificate,
  parseCertificate
} from '@peerloom/certificates'
import type { Log, NodeContext, Timer } from '@peerloom/interface'
import { Key } from 'interface-datastore'
import { createPrivateKey } from 'node:crypto'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Browsers take no certificate that is valid for longer (W3C WebTransport, "custom certificate requirements"). */
export const maxValidityMs: number = 14 * dayMs
const validityMs = maxValidityMs - hourMs
/** Clocks of others may be off by so much, in both directions. */
const skewMs = 6 * hourMs
const storageKey = new Key('/peerloom/webtransport/certificates')

/** A certificate and its multihash. */
export interface HashedCertificate {
  readonly certificate: OwnCertificate
  readonly hash: Uint8Array
}

interface StoredCertificate {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/**
 * Two certificates that roll: the one in use, and the one that follows, whose hash is told long before so that addresses that
 * others keep go on to work (webtransport specification, "Certificates"). All listeners of a node share them; a node with a
 * datastore has them across restarts. Their keys prove nothing but the hashes: who the node is, Noise shows.
 */
export class RollingCertificates {
  readonly #node: Pick<NodeContext, 'clock' | 'storage'>
  readonly #log: Log
  readonly #users = new Set<() => void>()
  #loading: Promise<void> | undefined = undefined
  #current!: HashedCertificate
  #next!: HashedCertificate
  #timer: Timer | undefined = undefined

  constructor(node: Pick<NodeContext, 'clock' | 'storage'>, log: Log) {
    this.#node = node
    this.#log = log
  }

  /** Has to be awaited before anything else. `onChange` is told of later ones until what is returned is called. */
  async use(onChange: () => void): Promise<() => void> {
    this.#loading ??= this.#load()
    await this.#loading
    // They may have run out while nobody used them.
    this.#roll()
    this.#users.add(onChange)
    if (this.#timer === undefined) this.#schedule()
    return () => {
      this.#users.delete(onChange)
      if (this.#users.size > 0) return
      this.#node.clock.clearTimeout(this.#timer)
      this.#timer = undefined
    }
  }

  get current(): HashedCertificate {
    return this.#current
  }

  /** Multihashes, in the order in which certificates are used. */
  get hashes(): readonly Uint8Array[] {
    return [this.#current.hash, this.#next.hash]
  }

  /** Timers are bounded, and clocks jump: looks again at least once a day. */
  #schedule(): void {
    const { clock } = this.#node
    const inMs = Math.min(Math.max(0, rollsAt(this.#current) - clock.now()), dayMs)
    this.#timer = clock.setTimeout(() => {
      const rolled = this.#roll()
      this.#schedule()
      if (rolled) for (const onChange of [...this.#users]) onChange()
    }, inMs)
  }

  #roll(): boolean {
    const now = this.#node.clock.now()
    if (now < rollsAt(this.#current)) return false
    // A machine that slept for weeks has outlived both.
    this.#current = now < rollsAt(this.#next) ? this.#next : make(now - skewMs)
    this.#next = make(rollsAt(this.#current) - skewMs)
    void this.#save()
    return true
  }

  async #load(): Promise<void> {
    const stored = await this.#read()
    const now = this.#node.clock.now()
    // A clock that was set back makes what was stored useless until it has caught up.
    if (stored !== undefined && stored[0].certificate.notBefore <= now) {
      ;[this.#current, this.#next] = stored
      return
    }
    this.#current = make(now - skewMs)
    this.#next = make(rollsAt(this.#current) - skewMs)
    await this.#save()
  }

  async #read(): Promise<[current: HashedCertificate, next: HashedCertificate] | undefined> {
    const { storage } = this.#node
    try {
      if (storage === undefined || !(await storage.has(storageKey))) return undefined
      const text = new TextDecoder().decode(await storage.get(storageKey))
      const [current, next] = (JSON.parse(text) as StoredCertificate[]).map(restore)
      return current === undefined || next === undefined ? undefined : [current, next]
    } catch (error) {
      this.#log.error('the stored WebTransport certificates cannot be read, new ones take their place', error)
      return undefined
    }
  }

  async #save(): Promise<void> {
    const stored = [this.#current, this.#next].map(({ certificate: { pem, privateKeyPem } }): StoredCertificate => ({
      certificatePem: pem,
      privateKeyPem
    }))
    try {
      await this.#node.storage?.put(storageKey, new TextEncoder().encode(JSON.stringify(stored)))
    } catch (error) {
      this.#log.error('the WebTransport certificates were not stored: a restart will change the addresses', error)
    }
  }
}

/** When those whose clock is ahead begin to refuse a certificate. */
const rollsAt = ({ certificate }: HashedCertificate): number => certificate.notAfter - skewMs

/** For signing handshakes (RFC 5280, 4.2.1.3). Chromium reads no certificate without any extension. */
const keyUsage: Extension = { objectId: '2.5.29.15', critical: true, value: Uint8Array.of(3, 2, 7, 0x80) }

function make(notBefore: number): HashedCertificate {
  const certificate = createCertificate({ notBefore, notAfter: notBefore + validityMs, extensions: [keyUsage] })
  return { certificate, hash: certificateHash(certificate.der) }
}

/** Throws for whatever is not a certificate and a key. */
function restore({ certificatePem, privateKeyPem }: StoredCertificate): HashedCertificate {
  const der = new Uint8Array(Buffer.from(certificatePem.replace(/-----[A-Z ]+-----/g, ''), 'base64'))
  const { notBefore, notAfter } = parseCertificate(der)
  const privateKey = createPrivateKey(privateKeyPem)
  return {
    certificate: { der, pem: certificatePem, privateKey, privateKeyPem, notBefore, notAfter },
    hash: certificateHash(der)
  }
}
