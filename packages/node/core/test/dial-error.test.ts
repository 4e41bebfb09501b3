import { multiaddr } from '@multiformats/multiaddr'
import { DialError, type Dns } from '@peerloom/core'
import { generateKey, peerIdFromPrivateKey } from '@peerloom/identity'
import { createServer, type Server } from 'node:net'
import { expect, test } from 'vitest'
import { type Fate, Lab } from './lab-transport.ts'
import { memoryNetwork, memoryNode, tcpNode, type TestNode } from './nodes.ts'

const stranger = async (): Promise<string> => peerIdFromPrivateKey(await generateKey()).toString()

async function serverThat(answer: string | Uint8Array): Promise<{ server: Server; address: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, address: `/ip4/127.0.0.1/tcp/${(server.address() as { port: number }).port}` }
}

async function failure(node: TestNode, addresses: string[]): Promise<DialError> {
  const error: unknown = await node
    .dial(addresses.map((address) => multiaddr(address)))
    .catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(DialError)
  return error as DialError
}

test('a failed dial has a line for each address: stage, code and cause', async () => {
  const { server, address: web } = await serverThat(`HTTP/1.1 400 Bad Request\r\n${'x'.repeat(100)}\r\n\r\n`)
  const { server: closer, address: empty } = await serverThat('')
  const far = await tcpNode()
  const near = await tcpNode({
    addresses: {},
    connectionGater: { denyDialAddress: (address) => address.toString().includes('tcp/99') }
  })
  const other = await stranger()
  const wrong = (far.multiaddrs()[0]?.toString() ?? '').replace(/\/p2p\/.*/, `/p2p/${other}`)
  try {
    const error = await failure(near, [
      `/ip4/127.0.0.1/tcp/1/p2p/${other}`,
      `${web}/p2p/${other}`,
      `${empty}/p2p/${other}`,
      wrong,
      `/ip4/127.0.0.1/udp/1/quic-v1/p2p/${other}`,
      `/ip4/127.0.0.1/tcp/99/p2p/${other}`
    ])
    expect(error.code).toBe('ERR_DIAL')
    const by = new Map(error.attempts.map((attempt) => [attempt.address.toString().replace(/\/p2p.*/, ''), attempt]))
    expect(by.get('/ip4/127.0.0.1/tcp/1')).toMatchObject({ stage: 'connect', code: 'ERR_ADDRESS_UNREACHABLE' })
    expect(by.get('/ip4/127.0.0.1/tcp/1')?.cause.cause).toMatchObject({ code: 'ECONNREFUSED' })
    expect(by.get(web)).toMatchObject({ stage: 'security', code: 'ERR_PROTOCOL_VIOLATION' })
    expect(by.get(empty)).toMatchObject({ stage: 'security', code: 'ERR_UNEXPECTED_END' })
    expect(by.get(wrong.replace(/\/p2p.*/, ''))).toMatchObject({ stage: 'security', code: 'ERR_WRONG_PEER' })
    expect(by.get('/ip4/127.0.0.1/udp/1/quic-v1')).toMatchObject({ stage: 'connect', code: 'ERR_NO_TRANSPORT' })
    expect(by.get('/ip4/127.0.0.1/tcp/99')).toMatchObject({ stage: 'connect', code: 'ERR_GATED' })
    expect(error.attempts).toHaveLength(6)
    for (const { address, stage, code, cause } of error.attempts) {
      expect(error.message).toContain(`${address} ${stage}: ${code} ${cause.message}`)
    }
    expect(near.inspect().limits.system.connectionsOutbound).toBe(0)
  } finally {
    server.close()
    closer.close()
  }
})

test('a name that does not resolve is a line of its own, at the stage resolve', async () => {
  const network = memoryNetwork()
  const dns: Dns = { lookup: () => Promise.reject(new Error('no such name')), txt: () => Promise.resolve([]) }
  const near = await memoryNode(network, { dns, transports: [new Lab(network).transport()] })
  const error = await failure(near, ['/dns4/a.example/tcp/1', '/dnsaddr/a.example'])
  expect(error.attempts.map(({ stage, code }) => [stage, code])).toEqual([
    ['resolve', 'ERR_DNS'],
    ['resolve', 'ERR_DNS']
  ])
})

test('the failures behind a name are those of the addresses it resolves to', async () => {
  const network = memoryNetwork()
  const lab = new Lab(network)
  lab.map({ '/ip4/1.1.1.1/tcp/1': 'refused', '/ip4/1.1.1.2/tcp/1': 'refused' } satisfies Record<string, Fate>)
  const dns: Dns = { lookup: async () => ['1.1.1.1', '1.1.1.2', '1.1.1.3'], txt: async () => [] }
  const near = await memoryNode(network, { dns, transports: [lab.transport()] })
  const error = await failure(near, ['/dns4/a.example/tcp/1', '/ip4/1.1.1.1/tcp/1'])
  expect(error.attempts.map(({ address, code }) => `${address} ${code}`).toSorted()).toEqual([
    '/ip4/1.1.1.1/tcp/1 ERR_ADDRESS_UNREACHABLE',
    '/ip4/1.1.1.2/tcp/1 ERR_ADDRESS_UNREACHABLE',
    '/ip4/1.1.1.3/tcp/1 ERR_NO_TRANSPORT'
  ])
})

test('a name server that never answers does not hold the good addresses up', async () => {
  const network = memoryNetwork()
  const lab = new Lab(network)
  const far = await memoryNode(network, { addresses: { listen: ['/memory/far'] } })
  lab.map({ '/ip4/1.1.1.1/tcp/1': '/memory/far' })
  const dns: Dns = { lookup: () => new Promise(() => {}), txt: () => new Promise(() => {}) }
  const near = await memoryNode(network, { dns, transports: [lab.transport()], dialer: { timeoutMs: 5000 } })
  const peer = `/p2p/${far.peerId}`
  const addresses = [`/dnsaddr/a.example${peer}`, `/dns4/a.example/tcp/1${peer}`, `/ip4/1.1.1.1/tcp/1${peer}`]
  const connection = await near.dial(addresses.map((address) => multiaddr(address)))
  expect(connection.remotePeer.equals(far.peerId)).toBe(true)
})

test('a name is resolved, ranked and dialled', async () => {
  const network = memoryNetwork()
  const lab = new Lab(network)
  const far = await memoryNode(network, { addresses: { listen: ['/memory/far'] } })
  lab.map({ '/ip4/1.1.1.1/tcp/1': 'refused', '/ip4/1.1.1.2/tcp/1': '/memory/far' })
  const dns: Dns = {
    lookup: async () => ['1.1.1.1', '1.1.1.2'],
    txt: async () => [`dnsaddr=/dns4/host.example/tcp/1/p2p/${far.peerId}`]
  }
  const near = await memoryNode(network, { dns, transports: [lab.transport()] })
  const stages: string[] = []
  await near.dial(`/dnsaddr/a.example/p2p/${far.peerId}`, {
    onProgress: ({ stage, address }) => stages.push(`${stage} ${address.toString().replace(/\/p2p.*/, '')}`)
  })
  expect(stages).toEqual([
    'resolve /dnsaddr/a.example',
    'connect /ip4/1.1.1.1/tcp/1',
    'connect /ip4/1.1.1.2/tcp/1',
    'security /ip4/1.1.1.2/tcp/1',
    'muxer /ip4/1.1.1.2/tcp/1'
  ])
})

test.each([
  ['not an address', '/nonsense/1'],
  ['not a peer id', 'nonsense'],
  ['no address at all', []],
  ['one of several that is no address', ['/memory/1', '/nonsense/1']]
])('%s is refused as an argument', async (_, target) => {
  const near = await memoryNode(memoryNetwork())
  await expect(near.dial(target)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_INVALID/) as string })
})

test('addresses of two peers in one dial are refused as an argument', async () => {
  const near = await memoryNode(memoryNetwork())
  const addresses = [await stranger(), await stranger()].map((peer) => multiaddr(`/memory/1/p2p/${peer}`))
  await expect(near.dial(addresses)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
})

test('addresses may be texts', async () => {
  const network = memoryNetwork()
  const [near, far] = [await memoryNode(network), await memoryNode(network, { addresses: { listen: ['/memory/far'] } })]
  const connection = await near.dial([`/memory/far/p2p/${far.peerId}`, multiaddr(`/memory/gone/p2p/${far.peerId}`)])
  expect(connection.remotePeer.equals(far.peerId)).toBe(true)
})

test('a node does not dial itself, by name or by accident', async () => {
  const node = await tcpNode()
  await expect(node.dial(node.peerId)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  const bare = (node.multiaddrs()[0]?.toString() ?? '').replace(/\/p2p\/.*/, '')
  const error = await failure(node, [bare])
  expect(error.attempts[0]?.code).toBe('ERR_GATED')
  expect(node.connections.list()).toEqual([])
})

test('a peer without a known address is told apart from one that cannot be reached', async () => {
  const near = await memoryNode(memoryNetwork())
  await expect(near.dial(await stranger())).rejects.toMatchObject({ code: 'ERR_NO_ADDRESSES' })
})
