import { PeerloomError } from '@peerloom/interface'
import { readVarint } from '@peerloom/quic-engine/quiche'
import { frameType, setting } from './h3-constants.ts'
import { frame } from './frame-reader.ts'
import { concat, varint } from './varint.ts'

const maxSettings = 64

/** What we announce: no QPACK table, datagrams, and WebTransport in the words of every draft in use. */
export function ownSettings(): Uint8Array {
  const settings: readonly (readonly [number, number])[] = [
    [setting.qpackMaxTableCapacity, 0],
    [setting.qpackBlockedStreams, 0],
    [setting.enableConnectProtocol, 1],
    [setting.h3Datagram, 1],
    [setting.h3DatagramDraft04, 1],
    [setting.enableWebTransportDraft02, 1],
    [setting.webTransportMaxSessionsDraft07, 1],
    [setting.webTransportMaxSessions, 1],
    [setting.webTransportEnabled, 1]
  ]
  return frame(frameType.settings, concat(...settings.flatMap(([id, value]) => [varint(id), varint(value)])))
}

/** Throws ERR_PROTOCOL_VIOLATION. */
export function readSettings(payload: Uint8Array): Map<number, number> {
  const settings = new Map<number, number>()
  for (let at = 0; at < payload.length;) {
    const [id, valueAt] = readVarint(payload, at)
    const [value, next] = readVarint(payload, valueAt)
    if (id === undefined || value === undefined) throw broken('cut off')
    if (settings.has(id)) throw broken(`${id} twice`)
    if (settings.size >= maxSettings) throw broken('too many')
    settings.set(id, value)
    at = next
  }
  return settings
}

const broken = (what: string): PeerloomError =>
  new PeerloomError('ERR_PROTOCOL_VIOLATION', `HTTP/3 settings: ${what}`, { remote: true })
