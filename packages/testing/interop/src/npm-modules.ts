import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { noise as frozenNoise } from '@chainsafe/libp2p-noise'
import { yamux as frozenYamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import type { Libp2pOptions } from 'libp2p'
import { buildForeignPeer } from './peer-build.ts'
import type { NpmPeerOptions } from './npm-peer.ts'
import type { Stack } from './stacks.ts'
import { networkKey, trustWssCertificate, wssCertificate } from './test-secrets.ts'

type Modules = Pick<Libp2pOptions, 'transports' | 'connectionEncrypters' | 'streamMuxers' | 'connectionProtector'>
type TransportModules = NonNullable<Libp2pOptions['transports']>

/** Transports, locks and muxers of npm libp2p for a stack. Undefined when they are not in the cache. */
export async function npmModules(stack: Stack, options: NpmPeerOptions): Promise<Modules | undefined> {
  const transports = await npmTransports(stack)
  if (transports === undefined) return undefined
  const { frozen = false, networkKey: key = networkKey } = options
  const encrypt = frozen ? frozenNoise() : noise()
  return {
    transports,
    connectionEncrypters: [stack.security === 'tls' ? tls() : encrypt],
    streamMuxers: [stack.muxer === 'mplex' ? mplex({ disconnectThreshold: 1000 }) : frozen ? frozenYamux() : yamux()],
    ...(stack.privateNetwork ? { connectionProtector: preSharedKey({ psk: new TextEncoder().encode(key) }) } : {})
  }
}

async function npmTransports(stack: Stack): Promise<TransportModules | undefined> {
  switch (stack.transport) {
    case 'tcp':
      return stack.relayed ? [tcp(), circuitRelayTransport()] : [tcp()]
    case 'ws':
      return [webSockets()]
    case 'wss': {
      trustWssCertificate()
      const { certificate, key } = wssCertificate()
      return [webSockets({ https: { cert: certificate, key } })]
    }
    case 'quic-v1': {
      const quic = await cached<{ quic: () => TransportModules[number] }>('@chainsafe/libp2p-quic')
      return quic && [quic.quic()]
    }
    case 'webrtc-direct':
    case 'webrtc': {
      const webrtc =
        await cached<Record<'webRTC' | 'webRTCDirect', (init: object) => TransportModules[number]>>('@libp2p/webrtc')
      if (webrtc === undefined) return undefined
      // The default asks public STUN servers; everybody here is on 127.0.0.1.
      const init = { rtcConfiguration: { iceServers: [] } }
      if (stack.transport === 'webrtc-direct') return [webrtc.webRTCDirect(init)]
      return [tcp(), circuitRelayTransport(), webrtc.webRTC(init)]
    }
    case 'webtransport':
      throw new Error('js-libp2p has no WebTransport outside of browsers')
  }
}

/** A package that is too heavy for the lock file of the workspace: from the cache, next to the other foreign peers. */
async function cached<T>(name: string): Promise<T | undefined> {
  const onlyCached = process.env['PEERLOOM_BUILD_PEERS'] !== '1'
  const folder = await buildForeignPeer('npm', { onlyCached })
  if (folder === undefined) return undefined
  const manifest = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as {
    readonly exports: { readonly '.': { readonly import: string } }
  }
  return (await import(pathToFileURL(join(folder, name, manifest.exports['.'].import)).href)) as T
}
