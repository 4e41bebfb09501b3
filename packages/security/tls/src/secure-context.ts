import type { OwnCertificate } from '@peerloom/certificates'
import { PeerloomError } from '@peerloom/interface'
import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'

/** AES first: processors have it. */
const ciphers = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384'

/** What Node has for its own tests, undocumented: the say over session tickets. */
interface TicketHooks {
  enableTicketKeyCallback?(): void
  onticketkeycallback?: () => readonly [
    result: number,
    hmac: Uint8Array,
    aes: Uint8Array,
    name: Uint8Array,
    iv: Uint8Array
  ]
}

const unused = Buffer.alloc(16)
const noTicket = [0, unused, unused, unused, unused] as const

/**
 * TLS 1.3 with this certificate and these groups for the key exchange, for both roles. PEM is read here and never again.
 * Sessions are not resumed.
 */
export function createContext(certificate: OwnCertificate, groups: readonly string[]): SecureContext {
  const options: SecureContextOptions = {
    cert: certificate.pem,
    key: certificate.privateKeyPem,
    minVersion: 'TLSv1.3',
    ciphers,
    ecdhCurve: groups.join(':')
  }
  const context = createSecureContext(options)
  if (declineTickets(context)) return context
  // These tickets name a session that nobody keeps: whoever comes back with one makes a whole handshake.
  return createSecureContext({ ...options, secureOptions: constants.SSL_OP_NO_TICKET })
}

/** Throws ERR_INVALID_ARGUMENT when there is no group, or one that OpenSSL does not know. */
export function checkGroups(groups: readonly string[]): void {
  // An empty list would leave OpenSSL its own.
  if (groups.length === 0) throw new PeerloomError('ERR_INVALID_ARGUMENT', 'groups is empty, it must name one')
  try {
    createSecureContext({ minVersion: 'TLSv1.3', ecdhCurve: groups.join(':') })
  } catch (cause) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `groups is ${groups}, which OpenSSL does not take`, { cause })
  }
}

/**
 * OpenSSL sends two tickets behind each handshake, which nobody can use: a resumed session would prove nothing. They cost
 * time, and a reset that meets them on their way would look like an end. No ticket is made when its key is refused.
 */
function declineTickets({ context }: SecureContext): boolean {
  const hooks = context as TicketHooks | undefined
  if (typeof hooks?.enableTicketKeyCallback !== 'function') return false
  hooks.onticketkeycallback = () => noTicket
  hooks.enableTicketKeyCallback()
  return true
}
