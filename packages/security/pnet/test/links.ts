import {
  type Channel,
  type ConnectionProtector,
  type NodeContext,
  systemClock,
  systemRandom
} from '@peerloom/interface'
import { preSharedKey } from '@peerloom/pnet'
import { channelPair } from '@peerloom/streams'

export const greeting: Uint8Array = new TextEncoder().encode('\u0013/multistream/1.0.0\n')

export const keyOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

export function protectorOf(
  psk: Uint8Array | string,
  random: NodeContext['random'] = systemRandom
): ConnectionProtector {
  return preSharedKey({ psk })({ clock: systemClock, random } as NodeContext)
}

/** Two ends of a protected link that have said hello, and what it is made of. */
export async function link(psk: Uint8Array = keyOf(1)): Promise<{ near: Channel; far: Channel }> {
  const [one, two] = channelPair()
  const [near, far] = await Promise.all([protectorOf(psk).protect(one), protectorOf(psk).protect(two)])
  await Promise.all([greeted(near), greeted(far)])
  return { near, far }
}

/** Says hello and takes that of the other end off. */
function greeted(channel: Channel): Promise<void> {
  channel.send(greeting.slice())
  return new Promise((resolve) => {
    let left = greeting.length
    channel.intercept((bytes) => {
      const rest = bytes.subarray(left)
      left -= bytes.length - rest.length
      if (left > 0) return undefined
      channel.intercept(undefined)
      resolve()
      return rest
    })
  })
}

/** Collects what a channel brings. */
export function collect(channel: Channel): { bytes(): Uint8Array; ended(): boolean; error(): Error | undefined } {
  const chunks: Uint8Array[] = []
  let ended = false
  let failed: Error | undefined
  channel.attach({
    data: (bytes) => void chunks.push(bytes),
    end: () => (ended = true),
    closed: (error) => (failed = error)
  })
  return { bytes: () => Buffer.concat(chunks), ended: () => ended, error: () => failed }
}
