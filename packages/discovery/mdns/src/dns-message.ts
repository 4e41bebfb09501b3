/** The kinds of records that service discovery is made of (RFC 1035, RFC 2782, RFC 3596). */
export const recordTypes = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const

export interface Question {
  readonly name: string
  /** A number of `recordTypes`, or any other. */
  readonly type: number
}

interface RecordHead {
  readonly name: string
  readonly ttlSeconds: number
}

export interface PointerRecord extends RecordHead {
  readonly type: 'PTR'
  readonly target: string
}

export interface TextRecord extends RecordHead {
  readonly type: 'TXT'
  readonly strings: readonly Uint8Array[]
}

export interface ServiceRecord extends RecordHead {
  readonly type: 'SRV'
  readonly port: number
  readonly target: string
}

export interface AddressRecord extends RecordHead {
  readonly type: 'A' | 'AAAA'
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array
}

export type DnsRecord = PointerRecord | TextRecord | ServiceRecord | AddressRecord

/** A message to send. A record but PTR is the only one of its name and type (RFC 6762 section 10.2, cache-flush). */
export interface DnsMessage {
  readonly response: boolean
  readonly questions?: readonly Question[]
  readonly answers?: readonly DnsRecord[]
  readonly additionals?: readonly DnsRecord[]
}

/** A message that came: of its records only what finds peers. */
export interface ReceivedMessage {
  readonly response: boolean
  readonly questions: readonly Question[]
  /** Of the answers; in a query, what its sender knows already (RFC 6762 section 7.1). */
  readonly pointers: readonly PointerRecord[]
  /** Wherever they stand: go-libp2p and js-libp2p have them among the answers, the specification in the additionals. */
  readonly texts: readonly TextRecord[]
}
