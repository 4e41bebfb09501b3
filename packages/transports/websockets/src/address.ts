import type { Multiaddr } from '@multiformats/multiaddr'

/** What a WebSocket address says (libp2p websockets specification, Addressing). */
export interface WebSocketAddress {
  /** An IP address, with its zone when it has one, or a name. */
  readonly host: string
  /** 4 and 6 for an IP address or a name of that family, 0 for a name of either. */
  readonly family: 0 | 4 | 6
  readonly isName: boolean
  readonly port: number
  /** Over TLS. */
  readonly secure: boolean
  /** The name that a certificate is to be for, where it differs from the host. */
  readonly sni: string | undefined
  /** As it goes into a request, `/` at least. */
  readonly path: string
  /** Whether the address names a path. */
  readonly hasPath: boolean
}

const families: Readonly<Record<string, 0 | 4 | 6>> = { ip4: 4, ip6: 6, dns4: 4, dns6: 6, dns: 0 }
/** A name goes into a request: nothing may be in it that ends a line there. */
const hostName = /^[\w-]+(?:\.[\w-]+)*\.?$/
const outsidePath = /[^\x21-\x7e]|[#?]/

/**
 * `/ip4/…/tcp/…/ws`, `/ip6/…`, `/ip6zone/…/ip6/…`, `/dns/…`, `/dns4/…`, `/dns6/…`, with `/tls/ws`, `/tls/sni/…/ws` or `/wss`
 * for TLS, an optional `/http-path/…`, and an optional `/p2p/…` at the end; undefined for every other address. Without
 * `/tcp/…` the port is that of HTTP.
 */
export function parseWebSocketAddress(address: Multiaddr): WebSocketAddress | undefined {
  const parts = address.getComponents()
  let at = 0
  const next = (name: string): boolean => parts[at]?.name === name && ++at > 0
  const value = (): string => parts[at - 1]?.value ?? ''

  const zone = next('ip6zone') ? `%${value()}` : ''
  const first = parts[at++]
  const family = families[first?.name ?? '']
  if (first?.value === undefined || family === undefined || (zone !== '' && first.name !== 'ip6')) return undefined
  const isName = first.name.startsWith('dns')
  if (isName && !hostName.test(first.value)) return undefined

  let port = next('tcp') ? Number(value()) : undefined
  let secure = next('wss')
  let sni: string | undefined
  if (!secure) {
    secure = next('tls')
    if (secure && next('sni')) sni = value()
    if (!next('ws')) return undefined
  }
  if (sni !== undefined && !hostName.test(sni)) return undefined
  port ??= secure ? 443 : 80

  const hasPath = next('http-path')
  const path = hasPath ? requestPath(value()) : '/'
  next('p2p')
  if (at !== parts.length) return undefined
  return { host: first.value + zone, family, isName, port, secure, sni, path, hasPath }
}

/** A path is data of whoever made the address: it must not become anything else of a request. */
function requestPath(value: string): string {
  const path = value.startsWith('/') ? value : `/${value}`
  return outsidePath.test(path) ? encodeURI(path).replaceAll(/[#?]/g, encodeURIComponent) : path
}

/** Whom the request is for: the name of the certificate, when it is another than that of the address. */
export function authorityOf({ host, sni, port, secure, isName }: WebSocketAddress): string {
  const [plain = ''] = host.split('%')
  const name = sni ?? (isName || !plain.includes(':') ? plain : `[${plain}]`)
  return port === (secure ? 443 : 80) ? name : `${name}:${port}`
}

/** What stands behind host and port in the address of an end of a link. */
export function suffixOf({ secure, sni, path, hasPath }: WebSocketAddress): string {
  const tls = secure ? `/tls${sni === undefined ? '' : `/sni/${sni}`}` : ''
  return `${tls}/ws${hasPath ? `/http-path/${encodeURIComponent(decodeURI(path).slice(1))}` : ''}`
}
