import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { peerOf } from '@peerloom/addresses'
import { type AbortOptions, PeerloomError, toError } from '@peerloom/interface'
import { abortable } from './abortable.ts'

/** What a runtime must answer of DNS. Both reject or answer nothing for a name that does not exist. */
export interface Dns {
  /** Addresses of a host. */
  lookup(name: string, family: 4 | 6, options: AbortOptions): Promise<string[]>
  /** The TXT records of a name, each joined to one string. */
  txt(name: string, options: AbortOptions): Promise<string[]>
}

export interface ResolverLimits {
  /** `dnsaddr` entries that lead to further ones. Default 8. */
  readonly maxDepth: number
  /** Questions asked for one address. Default 32. */
  readonly maxLookups: number
  /** TXT records of one name that are looked at. Default 16. */
  readonly maxRecords: number
  /** Addresses that come out. Default 25. */
  readonly maxAddresses: number
}

export const defaultResolverLimits: ResolverLimits = { maxDepth: 8, maxLookups: 32, maxRecords: 16, maxAddresses: 25 }

interface Work {
  lookups: number
  readonly found: Map<string, Multiaddr>
  readonly seen: Set<string>
}

const names = new Set(['dns', 'dns4', 'dns6', 'dnsaddr'])

export function needsResolving(address: Multiaddr): boolean {
  const first = address.getComponents()[0]
  return first !== undefined && names.has(first.name)
}

/**
 * Turns an address that starts with a name into addresses that do not (addressing specification, DNS). Cycles, depth and
 * number of questions are bounded. Rejects with ERR_DNS when nothing comes out.
 */
export async function resolve(
  address: Multiaddr,
  dns: Dns,
  options: AbortOptions & {
    readonly limits?: Partial<ResolverLimits>
    /** Names that are to stay, because whoever dials them needs them (WebSocket: certificates, virtual hosts). */
    readonly keep?: (address: Multiaddr) => boolean
  } = {}
): Promise<Multiaddr[]> {
  const limits = { ...defaultResolverLimits, ...options.limits }
  const work: Work = { lookups: 0, found: new Map(), seen: new Set() }
  const failures: Error[] = []

  const ask = async (question: () => Promise<string[]>): Promise<string[]> => {
    options.signal?.throwIfAborted()
    if (++work.lookups > limits.maxLookups) return []
    try {
      // The system's resolver cannot be called off, and takes its time.
      return await abortable(question(), options)
    } catch (error) {
      options.signal?.throwIfAborted()
      failures.push(toError(error))
      return []
    }
  }

  const visit = async (current: Multiaddr, depth: number): Promise<void> => {
    const text = current.toString()
    if (work.seen.has(text) || work.found.size >= limits.maxAddresses) return
    work.seen.add(text)
    const [first, ...rest] = current.getComponents()
    if (first === undefined) return
    if (!names.has(first.name) || options.keep?.(current) === true) {
      work.found.set(text, current)
      return
    }
    const host = first.value ?? ''
    const tail = rest.map(({ name, value }) => (value === undefined ? `/${name}` : `/${name}/${value}`)).join('')
    if (first.name === 'dnsaddr') {
      if (depth >= limits.maxDepth) return
      const records = await ask(() => dns.txt(`_dnsaddr.${host}`, options))
      for (const entry of dnsaddrEntries(records.slice(0, limits.maxRecords), peerOf(current))) {
        await visit(entry, depth + 1)
      }
      return
    }
    for (const family of first.name === 'dns' ? ([6, 4] as const) : ([first.name === 'dns6' ? 6 : 4] as const)) {
      for (const ip of await ask(() => dns.lookup(host, family, options))) {
        const found = parse(`/ip${family}/${ip}${tail}`)
        if (found !== undefined) await visit(found, depth)
      }
    }
  }

  await visit(address, 0)
  if (work.found.size === 0) {
    throw new PeerloomError('ERR_DNS', `${address} resolves to nothing`, { cause: failures[0] })
  }
  return [...work.found.values()]
}

/** The addresses in TXT records of the form `dnsaddr=<multiaddr>` that lead to the wanted peer. */
function dnsaddrEntries(records: readonly string[], peer: string | undefined): Multiaddr[] {
  const entries: Multiaddr[] = []
  for (const record of records) {
    if (!record.startsWith('dnsaddr=')) continue
    const entry = parse(record.slice('dnsaddr='.length))
    if (entry === undefined) continue
    if (peer === undefined || peerOf(entry) === undefined || peerOf(entry) === peer) entries.push(entry)
  }
  return entries
}

/** Undefined for somebody else's typing error: the other answers may be good. */
function parse(text: string): Multiaddr | undefined {
  try {
    return multiaddr(text)
  } catch {
    return undefined
  }
}
