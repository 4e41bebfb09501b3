import { expect, onTestFinished, test } from 'vitest'
import { testConnections, until } from '@peerloom/conformance'
import { createNode } from '@peerloom/core'
import type { Module, ConnectionProtector } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { generatePreSharedKey, preSharedKey } from '@peerloom/pnet'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'

const psk = generatePreSharedKey()

const start = (connectionProtector?: Module<ConnectionProtector>, upgradeTimeoutMs = 15_000) =>
  createNode({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    upgradeTimeoutMs,
    ...(connectionProtector === undefined ? {} : { connectionProtector })
  })

testConnections('TCP in a private network', async () => {
  const [listener, dialer] = await Promise.all([start(preSharedKey({ psk })), start(preSharedKey({ psk }))])
  const connection = await dialer.dial(listener.multiaddrs())
  return {
    dialer,
    listener,
    connection,
    stop: async () => void (await Promise.all([dialer.stop(), listener.stop()]))
  }
})

test('nodes of other networks and of none cannot connect, in either direction', async () => {
  // Who has no key may wait for more of what it does not understand: then the bound on handshakes ends it.
  const member = await start(preSharedKey({ psk }), 1000)
  const other = await start(preSharedKey({ psk: generatePreSharedKey() }))
  const none = await start()
  onTestFinished(async () => void (await Promise.all([member, other, none].map((node) => node.stop()))))
  for (const outsider of [other, none]) {
    await expect(outsider.dial(member.multiaddrs())).rejects.toMatchObject({
      code: 'ERR_DIAL',
      attempts: [{ stage: 'security' }]
    })
    await expect(member.dial(outsider.multiaddrs())).rejects.toMatchObject({
      code: 'ERR_DIAL',
      attempts: [{ stage: 'security' }]
    })
  }
  await until('nobody is connected', () =>
    [member, other, none].every(
      (node) => node.connections.list().length === 0 && node.inspect().counts.pendingDials === 0
    )
  )
})
