import { concat } from '@peerloom/bounded'
import { PeerloomError } from '@peerloom/interface'
import { encodeToken, TokenDecoder } from './tokens.ts'

export const multistreamProtocol = '/multistream/1.0.0'
const notAvailable = 'na'
/** Proposals a dialler may make before the listener hangs up. */
const maxProposals = 64

const header = encodeToken(multistreamProtocol)
const refusal = encodeToken(notAvailable)

const join = (parts: readonly Uint8Array[]): Uint8Array =>
  parts.length === 1 ? (parts[0] as Uint8Array) : concat(parts)

/** Openings of the protocols this process asks for: an application has a handful. */
const openings = new Map<string, Uint8Array>()
const maxOpenings = 256

/** Header and first proposal, made once per protocol; the caller gets a copy of its own to send. */
function opening(protocol: string): Uint8Array {
  let bytes = openings.get(protocol)
  if (bytes === undefined) {
    bytes = join([header, encodeToken(protocol)])
    if (openings.size < maxOpenings) openings.set(protocol, bytes)
  }
  return bytes
}

/** What a step of a negotiation asks for. */
export interface NegotiationStep {
  /** To be sent now. Shared: not to be changed. */
  readonly send: Uint8Array | undefined
  /** Set when both sides agree. */
  readonly protocol: string | undefined
  /** With `protocol`: what came behind the negotiation. */
  readonly rest: Uint8Array | undefined
}

export interface ListenerStep extends NegotiationStep {
  /**
   * Nothing more will come of it: behind a proposal that was refused there are bytes of the protocol that the dialler
   * counted on. It is to be told of the refusal all the same.
   */
  readonly hopeless?: boolean
}

const violation = (token: string): PeerloomError =>
  new PeerloomError('ERR_PROTOCOL_VIOLATION', `multistream: unexpected ${JSON.stringify(token.slice(0, 80))}`, {
    remote: true
  })

/** The dialling side, pure: bytes in, bytes out. Throws when there is no agreement. */
export class DialerNegotiation {
  readonly #protocols: readonly string[]
  readonly #tokens = new TokenDecoder()
  #proposed = 0
  #headerSeen = false

  constructor(protocols: readonly string[]) {
    if (protocols.length === 0) throw new PeerloomError('ERR_INVALID_ARGUMENT', 'no protocol to negotiate')
    this.#protocols = protocols
  }

  /** The first bytes to send; the protocol's own bytes may follow at once when it is sure to be accepted. */
  start(): Uint8Array {
    return opening(this.#protocols[0] as string)
  }

  push(bytes: Uint8Array): NegotiationStep {
    this.#tokens.push(bytes)
    const send: Uint8Array[] = []
    for (let token = this.#tokens.next(); token !== undefined; token = this.#tokens.next()) {
      const proposal = this.#protocols[this.#proposed] as string
      if (!this.#headerSeen) {
        if (token !== multistreamProtocol) throw violation(token)
        this.#headerSeen = true
      } else if (token === proposal) {
        return { send: undefined, protocol: token, rest: this.#tokens.takeRest() }
      } else if (token === notAvailable) {
        const next = this.#protocols[++this.#proposed]
        if (next === undefined) {
          throw new PeerloomError(
            'ERR_UNSUPPORTED_PROTOCOL',
            `the remote speaks none of ${this.#protocols.join(', ')}`,
            {
              remote: true
            }
          )
        }
        send.push(encodeToken(next))
      } else {
        throw violation(token)
      }
    }
    return { send: send.length === 0 ? undefined : join(send), protocol: undefined, rest: undefined }
  }
}

/** The listening side, pure. `supports` says yes to at most one proposal. */
export class ListenerNegotiation {
  readonly #supports: (protocol: string) => boolean
  readonly #tokens = new TokenDecoder()
  #proposals = 0
  #headerSeen = false

  constructor(supports: (protocol: string) => boolean) {
    this.#supports = supports
  }

  /** Whether a proposal was refused. */
  get hasRefused(): boolean {
    return this.#proposals > 0
  }

  push(bytes: Uint8Array): ListenerStep {
    this.#tokens.push(bytes)
    const send: Uint8Array[] = []
    try {
      for (let token = this.#tokens.next(); token !== undefined; token = this.#tokens.next()) {
        if (!this.#headerSeen) {
          if (token !== multistreamProtocol) throw violation(token)
          this.#headerSeen = true
          send.push(header)
        } else if (this.#supports(token)) {
          const plain = send.length === 1 && send[0] === header
          const accepted = plain ? opening(token) : join([...send, encodeToken(token)])
          return { send: accepted, protocol: token, rest: this.#tokens.takeRest() }
        } else {
          if (++this.#proposals > maxProposals) throw violation(token)
          send.push(refusal)
        }
      }
    } catch (error) {
      if (this.#proposals === 0 || this.#proposals > maxProposals) throw error
      return {
        send: send.length === 0 ? undefined : join(send),
        protocol: undefined,
        rest: undefined,
        hopeless: true
      }
    }
    return { send: send.length === 0 ? undefined : join(send), protocol: undefined, rest: undefined }
  }
}
