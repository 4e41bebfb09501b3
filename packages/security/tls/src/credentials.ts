import { createPeerCertificate, type OwnCertificate } from '@peerloom/certificates'
import type { NodeContext } from '@peerloom/interface'
import type { SecureContext } from 'node:tls'
import { createContext } from './secure-context.ts'

/** Before now, for peers whose clocks are behind. */
const backdateMs = 24 * 60 * 60 * 1000

/**
 * The node's certificate, inside what OpenSSL makes of it: once, and again when a tenth of its lifetime is left. Whoever
 * asks then still gets the one before, until the next is there.
 */
export class Credentials {
  readonly #node: Pick<NodeContext, 'publicKey' | 'sign' | 'clock'>
  readonly #lifetimeMs: number
  readonly #groups: readonly string[]
  #context: SecureContext | undefined
  #certificate: OwnCertificate | undefined
  #making: Promise<SecureContext> | undefined

  constructor(node: Pick<NodeContext, 'publicKey' | 'sign' | 'clock'>, lifetimeMs: number, groups: readonly string[]) {
    this.#node = node
    this.#lifetimeMs = lifetimeMs
    this.#groups = groups
  }

  /** A promise only when there is none that is valid. */
  get(): SecureContext | Promise<SecureContext> {
    const now = this.#node.clock.now()
    const [context, certificate] = [this.#context, this.#certificate]
    if (context === undefined || certificate === undefined) return this.#renew(now)
    const { notBefore, notAfter } = certificate
    if (now < notBefore || now > notAfter) return this.#renew(now)
    if (now > notAfter - this.#lifetimeMs / 10) this.#renew(now).catch(() => {}) // the next handshake tries again
    return context
  }

  #renew(now: number): Promise<SecureContext> {
    this.#making ??= this.#make(now).finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  async #make(now: number): Promise<SecureContext> {
    const certificate = await createPeerCertificate(this.#node, {
      notBefore: now - backdateMs,
      notAfter: now + this.#lifetimeMs
    })
    const context = createContext(certificate, this.#groups)
    this.#context = context
    this.#certificate = certificate
    return context
  }
}
