import { echoes, nodePeer, type ServedTold, testPage } from '@peerloom/conformance/browser'
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webRTC, webRTCDirect, type WebRTCDirectOptions } from '@peerloom/webrtc'
import { expect, onTestFinished, test } from 'vitest'

const mebibyte = 1024 * 1024

async function page(options?: WebRTCDirectOptions) {
  const node = await createNode({
    transports: [webRTCDirect(options), webRTC()],
    connectionEncryption: [noise()],
    addresses: { listen: ['/webrtc'] }
  })
  onTestFinished(() => node.stop())
  return node
}

async function meeting(options?: WebRTCDirectOptions) {
  const peer = await nodePeer<ServedTold>('./serving-peer.ts')
  const { addresses } = peer.told
  return { peer, node: await page(options), addresses, address: addresses[0] as string }
}

for (const version of [1, 2] as const) {
  testPage(`WebRTC Direct v${version}`, () => meeting({ versions: [version] }))
}

test('connections say who they are with', async () => {
  const { peer, node, address } = await meeting()
  const connection = await node.dial(address)
  expect(connection).toMatchObject({ transport: 'webrtc-direct', security: '/noise', muxer: 'webrtc-direct' })
  expect(connection.remotePeer.toString()).toBe(peer.told.peer)
})

test('what the browser does not let a page do is no hindrance: v2 comes first', async () => {
  const { node, address } = await meeting()
  const munged: string[] = []
  const own = RTCPeerConnection.prototype.setLocalDescription as (
    this: RTCPeerConnection,
    description?: RTCLocalSessionDescriptionInit
  ) => Promise<void>
  onTestFinished(() => {
    RTCPeerConnection.prototype.setLocalDescription = own
  })
  RTCPeerConnection.prototype.setLocalDescription = function (
    this: RTCPeerConnection,
    description?: RTCLocalSessionDescriptionInit
  ) {
    if (description?.sdp?.includes('ice-ufrag:libp2p') === true) munged.push(description.sdp)
    return own.call(this, description)
  }
  await echoes(await (await node.dial(address)).openStream('/echo'), 1000)
  expect(munged).toEqual([])
})

test('the wrong certificate is not talked to, nor the wrong peer', async () => {
  const { node, address } = await meeting({ connectTimeoutMs: 2000 })
  const other = address.replace(/certhash\/[^/]+/, 'certhash/uEiADz6hjo1lPw7sjot6nkJ9qzfuYp5a_T4XAeDXv5uQ3Tw')
  await expect(node.dial(other)).rejects.toMatchObject({ code: 'ERR_DIAL' })
  const stranger = address.replace(/p2p\/[^/]+$/, 'p2p/12D3KooWLCaDTcLaWkYaZa1KoXzspwWoEbw9CtKZx91fEYrxwDT8')
  await expect(node.dial(stranger)).rejects.toThrow('ERR_WRONG_PEER')
})

test('pages, and a page and a Node peer, find a way of their own over any connection between them', async () => {
  const { peer, node, address } = await meeting()
  await node.dial(address)
  const relay = `${address}/p2p-circuit/webrtc/p2p/${peer.told.peer}`
  const connection = await node.dial(relay, { force: true })
  expect(connection).toMatchObject({ transport: 'webrtc', security: '/dtls' })
  await echoes(await connection.openStream('/echo'), mebibyte)
  expect(await peer.ask('transports')).toEqual(['webrtc-direct', 'webrtc'])
})
