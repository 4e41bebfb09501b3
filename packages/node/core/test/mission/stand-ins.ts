// Modules that do not exist yet, with the types that theirs will have; each goes when its package lands.
import {
  type ContentRouting,
  contentRoutingCapability,
  defineModule,
  type Module,
  type PeerDiscovery,
  peerDiscoveryCapability,
  type PeerRouting,
  peerRoutingCapability
} from '@peerloom/interface'

export type Dht = PeerDiscovery & PeerRouting & ContentRouting

const later = (): never => {
  throw new Error('a stand-in')
}

let dhts = 0
export const builtDhts = (): number => dhts

export const kadDHT = (): Module<Dht> =>
  defineModule({
    name: 'stand-in/kad-dht',
    provides: [peerDiscoveryCapability, peerRoutingCapability, contentRoutingCapability],
    create: () => {
      dhts++
      return {
        onPeer: undefined,
        start: () => {},
        stop: () => {},
        findPeer: later,
        closestPeers: later,
        provide: later,
        findProviders: later,
        put: later,
        get: later
      }
    }
  })
