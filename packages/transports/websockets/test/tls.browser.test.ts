import { echoes, nodePeer, pagePeer, untilAnswer } from '@peerloom/conformance/browser'
import { expect, onTestFinished, test } from 'vitest'
import { wsNode } from './nodes.ts'

interface Told {
  readonly known: string[]
  readonly unknown: string[]
}

const mebibyte = 1024 * 1024

async function meeting() {
  const peer = await nodePeer<Told>('./tls-peer.ts')
  const node = await wsNode()
  onTestFinished(() => node.stop())
  return { peer, node }
}

test('a page dials a Node listener over TLS, by address and by name, and echoes megabytes', async () => {
  const { peer, node } = await meeting()
  const [ipv4 = '', ipv6 = ''] = peer.told.known
  const named = ipv4.replace('/ip4/127.0.0.1', '/dns4/localhost')
  for (const address of [ipv4, ipv6, ipv4.replace('/tls/ws', '/wss'), named]) {
    const connection = await node.dial(address)
    expect(connection).toMatchObject({ transport: 'ws', security: '/noise', muxer: '/yamux/1.0.0' })
    const stream = await connection.openStream('/echo')
    await echoes(stream, 2 * mebibyte)
    await connection.close()
    await untilAnswer(() => peer.ask('connections'), 0)
  }
})

test('a certificate that nobody vouches for is refused, and so is plain text where there is TLS', async () => {
  const [peer, page] = await Promise.all([nodePeer<Told>('./tls-peer.ts'), pagePeer('./tls-page.ts')])
  const [known = ''] = peer.told.known
  await expect(page.ask('dial', known.replace('/tls/ws', '/ws'))).rejects.toThrow('ERR_ADDRESS_UNREACHABLE')
  await expect(page.ask('dial', peer.told.unknown[0])).rejects.toThrow('ERR_ADDRESS_UNREACHABLE')
  expect(await page.ask('dial', known)).toBe('/noise')
})
