import {
  echo,
  muxerAgainstBytes,
  muxerPair,
  type MuxerSide,
  muxerSide,
  readAll,
  settle
} from '@peerloom/conformance/muxer'
import { type Channel, type Clock, type MuxedStream, systemClock } from '@peerloom/interface'
import { yamux, type YamuxOptions } from '@peerloom/yamux'

export { echo, readAll }

type OnStream = (stream: MuxedStream) => void
const ignore = (): void => {}
const factoryOf = (options: YamuxOptions) => yamux(options)({} as never)

/** Lets everything that is under way in this process arrive. */
export const turns = (count = 8): Promise<void> => settle(count)

export function startSide(
  channel: Channel,
  role: 'initiator' | 'responder',
  options: YamuxOptions = {},
  onStream: OnStream = ignore,
  clock: Clock = systemClock
): MuxerSide {
  return muxerSide(factoryOf(options), channel, { role, onStream, clock })
}

export function startPair(
  options: YamuxOptions = {},
  onStream: OnStream = ignore,
  clock: Clock = systemClock
): { a: MuxerSide; b: MuxerSide } {
  return muxerPair(factoryOf(options), { onStream, clock })
}

/** One muxer against bytes written by hand. */
export function startRaw(
  role: 'initiator' | 'responder',
  options: YamuxOptions = {},
  clock: Clock = systemClock,
  onStream: OnStream = ignore
): { side: MuxerSide; raw: Channel; sent: () => string; frames: () => string[] } {
  const { side, raw, sent } = muxerAgainstBytes(factoryOf(options), { role, clock, onStream })
  const frames = (): string[] => {
    const all = Buffer.from(sent())
    const found: string[] = []
    for (let at = 0; at + 12 <= all.length;) {
      const body = all[at + 1] === 0 ? all.readUInt32BE(at + 8) : 0
      found.push(all.subarray(at, at + 12 + body).toString('hex'))
      at += 12 + body
    }
    return found
  }
  return { side, raw, sent: () => Buffer.from(sent()).toString('hex'), frames }
}

/** A frame by hand. */
export function frame(
  type: number,
  flags: number,
  id: number,
  length: number,
  body: Uint8Array = new Uint8Array(0)
): Uint8Array {
  const bytes = Buffer.alloc(12 + body.length)
  bytes.writeUInt8(type, 1)
  bytes.writeUInt16BE(flags, 2)
  bytes.writeUInt32BE(id, 4)
  bytes.writeUInt32BE(length, 8)
  bytes.set(body, 12)
  return bytes
}
export const data = 0
export const windowUpdate = 1
export const ping = 2
export const goAway = 3
export const syn = 1
export const ack = 2
export const fin = 4
export const rst = 8
