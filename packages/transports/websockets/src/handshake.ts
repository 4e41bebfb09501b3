import { createHash } from 'node:crypto'
import type { RandomBytes } from '@peerloom/interface'

/** RFC 6455, 1.3. */
const acceptGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const version = '13'
/** 16 bytes in base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/

export interface Refusal {
  readonly status: 400 | 404 | 405 | 426
  readonly reason: string
}

type Header = (name: string) => string | undefined

export const acceptKey = (key: string): string =>
  createHash('sha1')
    .update(key + acceptGuid)
    .digest('base64')

/** What a client asks for; `authority` and `path` are safe to be part of a request. */
export function upgradeRequest(authority: string, path: string, random: RandomBytes): { key: string; text: string } {
  const key = Buffer.from(random(16)).toString('base64')
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${authority}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    `Sec-WebSocket-Version: ${version}`
  ]
  return { key, text: `${lines.join('\r\n')}\r\n\r\n` }
}

/** What is wrong with a server's answer (RFC 6455, 4.1); undefined: nothing. */
export function wrongAnswer(startLine: string, header: Header, key: string): string | undefined {
  const [, status] = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(startLine) ?? []
  if (status === undefined) return 'the answer is not HTTP/1.1'
  if (status !== '101') return `the server answered ${status}`
  if (!hasToken(header('upgrade'), 'websocket') || !hasToken(header('connection'), 'upgrade')) {
    return 'the server switched to another protocol'
  }
  if (header('sec-websocket-accept') !== acceptKey(key)) return 'the server answered another request'
  if (header('sec-websocket-extensions') || header('sec-websocket-protocol')) {
    return 'the server chose what nobody offered'
  }
  return undefined
}

/** The answer to a request (RFC 6455, 4.2), or why there is none. `path` undefined: any. */
export function answerUpgrade(
  method: string | undefined,
  target: string | undefined,
  header: Header,
  path: string | undefined
): string | Refusal {
  if (path !== undefined && target?.split('?')[0] !== path) return { status: 404, reason: 'Not Found' }
  if (method !== 'GET') return { status: 405, reason: 'Method Not Allowed' }
  const key = header('sec-websocket-key') ?? ''
  if (!hasToken(header('upgrade'), 'websocket') || header('sec-websocket-version') !== version) {
    return { status: 426, reason: 'Upgrade Required' }
  }
  if (!hasToken(header('connection'), 'upgrade') || !keyPattern.test(key)) return { status: 400, reason: 'Bad Request' }
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n`
  )
}

export const refusalText = ({ status, reason }: Refusal): string =>
  `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n` +
  `${status === 426 ? `Upgrade: websocket\r\nSec-WebSocket-Version: ${version}\r\n` : ''}\r\n`

const hasToken = (list: string | undefined, token: string): boolean =>
  list?.split(',').some((one) => one.trim().toLowerCase() === token) === true
