import { type NodeContext, systemClock, systemRandom } from '@peerloom/interface'
import { generatePreSharedKey, preSharedKey } from '@peerloom/pnet'
import { channelPair } from '@peerloom/streams'
import { expect, test } from 'vitest'

const greeting = new TextEncoder().encode('\u0013/multistream/1.0.0\n')

test('members understand each other, and the network has its fingerprint', async () => {
  const node = { clock: systemClock, random: systemRandom } as NodeContext
  const psk = generatePreSharedKey()
  const [one, two] = channelPair()
  const near = await preSharedKey({ psk })(node).protect(one)
  const far = await preSharedKey({ psk })(node).protect(two)
  let got = 0
  let right = true
  far.attach({
    data: (bytes) => {
      for (const byte of bytes) {
        right &&= byte === (got < greeting.length ? greeting[got] : (got - greeting.length) & 255)
        got++
      }
    },
    end: () => {},
    closed: () => {}
  })
  near.send(greeting.slice())
  const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => at & 255)
  for (let at = 0; at < bytes.length; at += 7777) if (!near.send(bytes.slice(at, at + 7777))) await near.drained()
  await expect.poll(() => got).toBe(300_000 + greeting.length)
  expect(right).toBe(true)
  const known = preSharedKey({
    psk: '/key/swarm/psk/1.0.0/\n/base16/\n6189c5cf0b87fb800c1a9feeda73c6ab5e998db48fb9e6a978575c770ceef683'
  })
  expect(known(node).fingerprint).toBe('45fc986bbc9388a11d939df26f730f0c')
})
