import { defineModule, type Module, type SecureTransport } from '@peerloom/interface'
import { Plaintext, type PlaintextOptions } from './plaintext.ts'

/**
 * No security at all, `/plaintext/2.0.0`: both sides say who they are, nothing proves it, everybody can read along. For
 * tests and for looking at traffic.
 */
export function plaintext(options?: PlaintextOptions): Module<SecureTransport> {
  return defineModule({
    name: '@peerloom/plaintext',
    options,
    create: (node) => new Plaintext(node, options ?? {})
  })
}

export type { PlaintextOptions } from './plaintext.ts'
