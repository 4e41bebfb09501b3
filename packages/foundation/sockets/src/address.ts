import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Where a socket goes, in the terms of node:net. */
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string }

/**
 * `/ip4/…/tcp/…`, `/ip6/…/tcp/…`, `/ip6zone/…/ip6/…/tcp/…` and `/unix/…`, each with an optional `/p2p/…` at the end;
 * undefined for every other address.
 */
export function toSocketAddress(address: Multiaddr): SocketAddress | undefined {
  const parts = address.getComponents()
  let at = 0
  let zone = ''
  if (parts[at]?.name === 'ip6zone') zone = `%${parts[at++]?.value ?? ''}`
  const first = parts[at++]
  const last = parts[parts.length - 1]
  const end = last?.name === 'p2p' ? parts.length - 1 : parts.length
  if (first?.value === undefined) return undefined
  if (first.name === 'unix') return at === end && zone === '' ? { path: unixPath(first.value) } : undefined
  if (first.name !== 'ip6' && (first.name !== 'ip4' || zone !== '')) return undefined
  const tcp = parts[at++]
  if (tcp?.name !== 'tcp' || tcp.value === undefined || at !== end) return undefined
  return { host: first.value + zone, port: Number(tcp.value) }
}

const unixPath = (value: string): string => decodeURIComponent(value.startsWith('/') ? value : `/${value}`)

/** `/ip4/…`, `/ip6/…` or `/ip6zone/…/ip6/…` for an address as the system writes it. */
export function ipAddress(host: string): string {
  // A dual-stack socket shows IPv4 peers as ::ffff:1.2.3.4.
  const plain = host.startsWith('::ffff:') && host.includes('.') ? host.slice(7) : host
  const [ip, zone] = plain.split('%')
  return `${zone === undefined ? '' : `/ip6zone/${zone}`}/${isIPv6(ip as string) ? 'ip6' : 'ip4'}/${ip}`
}

/** The address of one end of a TCP socket; undefined for an end without one (the dialling end of a unix socket). */
export function fromSocket(host: string | undefined, port: number | undefined): Multiaddr | undefined {
  return host === undefined || port === undefined ? undefined : multiaddr(`${ipAddress(host)}/tcp/${port}`)
}

/** A wildcard address becomes one address for each interface of its family; any other stands for itself. */
export function expandWildcard(host: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host]
  const family = host === '::' ? 'IPv6' : 'IPv4'
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => address.family === family && !address.address.startsWith('fe80:'))
    .map((address) => address.address)
}
