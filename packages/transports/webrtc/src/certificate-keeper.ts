import { createCertificate } from '@peerloom/certificates'
import type { Clock, Log, NodeContext, Timer } from '@peerloom/interface'
import { Key } from 'interface-datastore'
import { createHash } from 'node:crypto'

/** What a server shows in DTLS. */
export interface ServerCertificate {
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** SHA-256 digest of the certificate. */
  readonly fingerprint: Uint8Array
  /** Milliseconds since the epoch. */
  readonly notAfter: number
}

interface StoredCertificate {
  readonly certificatePem: string
  readonly privateKeyPem: string
  readonly notAfter: number
}

const storageKey = new Key('/peerloom/webrtc-direct/certificate')
const dayMs = 24 * 60 * 60 * 1000
/** A certificate is replaced when this part of its time is left. */
const renewalPart = 1 / 12
/** Clocks differ. */
const backdatedMs = dayMs

/**
 * The certificate of a node's WebRTC Direct listeners. Its hash is in the node's addresses, so it is kept as long as it
 * lasts, across restarts when the node has a datastore. Its key proves nothing but that hash: who the node is, Noise
 * shows.
 */
export class CertificateKeeper {
  readonly #node: Pick<NodeContext, 'clock' | 'storage'>
  readonly #days: number
  readonly #log: Log
  readonly #clock: Clock
  #current: Promise<ServerCertificate> | undefined
  #timer: Timer | undefined
  readonly #listeners = new Set<(certificate: ServerCertificate) => void>()

  constructor(node: Pick<NodeContext, 'clock' | 'storage'>, days: number, log: Log) {
    this.#node = node
    this.#clock = node.clock
    this.#days = days
    this.#log = log
  }

  /** The certificate to use now. `onRenewed` is told of later ones until what is returned is called. */
  async use(onRenewed: (certificate: ServerCertificate) => void): Promise<[ServerCertificate, () => void]> {
    this.#current ??= this.#load()
    const current = this.#current
    try {
      const certificate = await current
      this.#listeners.add(onRenewed)
      this.#schedule(certificate)
      const stop = (): void => {
        this.#listeners.delete(onRenewed)
        if (this.#listeners.size > 0) return
        this.#clock.clearTimeout(this.#timer)
        this.#timer = undefined
      }
      return [certificate, stop]
    } catch (error) {
      this.#current = undefined
      throw error
    }
  }

  async #load(): Promise<ServerCertificate> {
    const stored = await this.#read()
    return stored !== undefined && this.#renewalOf(stored) > this.#clock.now() ? stored : this.#make()
  }

  async #read(): Promise<ServerCertificate | undefined> {
    const { storage } = this.#node
    try {
      if (storage === undefined || !(await storage.has(storageKey))) return undefined
      const text = new TextDecoder().decode(await storage.get(storageKey))
      const { certificatePem, privateKeyPem, notAfter } = JSON.parse(text) as StoredCertificate
      return { certificatePem, privateKeyPem, notAfter, fingerprint: fingerprintOf(certificatePem) }
    } catch (error) {
      this.#log.error('the stored WebRTC certificate cannot be read, a new one takes its place', error)
      return undefined
    }
  }

  async #make(): Promise<ServerCertificate> {
    const now = this.#clock.now()
    const made = createCertificate({ notBefore: now - backdatedMs, notAfter: now + this.#days * dayMs })
    const stored: StoredCertificate = {
      certificatePem: made.pem,
      privateKeyPem: made.privateKeyPem,
      notAfter: made.notAfter
    }
    await this.#node.storage?.put(storageKey, new TextEncoder().encode(JSON.stringify(stored)))
    return { ...stored, fingerprint: fingerprintOf(made.pem) }
  }

  #renewalOf({ notAfter }: { readonly notAfter: number }): number {
    return notAfter - this.#days * dayMs * renewalPart
  }

  #schedule(certificate: ServerCertificate): void {
    if (this.#timer !== undefined) return
    const tick = (): void => {
      this.#timer = undefined
      if (this.#renewalOf(certificate) > this.#clock.now()) this.#schedule(certificate)
      else void this.#renew()
    }
    // A timer takes 24 days at most.
    const delayMs = Math.min(Math.max(this.#renewalOf(certificate) - this.#clock.now(), 1000), dayMs)
    this.#timer = this.#clock.setTimeout(tick, delayMs)
  }

  async #renew(): Promise<void> {
    try {
      const certificate = await this.#make()
      this.#current = Promise.resolve(certificate)
      for (const listener of this.#listeners) listener(certificate)
      if (this.#listeners.size > 0) this.#schedule(certificate)
    } catch (error) {
      this.#log.error('the WebRTC certificate was not renewed', error)
    }
  }
}

function fingerprintOf(pem: string): Uint8Array {
  const base64 = pem.replace(/-----[A-Z ]+-----/g, '')
  return new Uint8Array(createHash('sha256').update(Buffer.from(base64, 'base64')).digest())
}
