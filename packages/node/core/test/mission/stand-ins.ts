// Modules that do not exist yet, with the types that theirs will have; each goes when its package lands.
import {
  type ContentRouting,
  contentRoutingCapability,
  defineModule,
  type Module,
  type PeerDiscovery,
  peerDiscoveryCapability,
  type PeerRouting,
  peerRoutingCapability,
  type PubSub,
  type PubSubMessage
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

/** A pubsub of one: it delivers its own messages. */
export const gossipsub = (): Module<PubSub> =>
  defineModule({
    name: 'stand-in/gossipsub',
    create: (node) => {
      const target = new EventTarget()
      const topics = new Set<string>()
      return {
        subscribe: (topic) => (topics.add(topic), undefined as never),
        unsubscribe: (topic) => void topics.delete(topic),
        peers: () => [],
        topics: () => [...topics],
        addValidator: () => later,
        publish: async (topic, data) => {
          const detail: PubSubMessage = {
            topic,
            data,
            from: node.peerId,
            seqno: undefined,
            id: new Uint8Array(0),
            receivedFrom: undefined
          }
          if (topics.has(topic)) target.dispatchEvent(new CustomEvent('message', { detail }))
          return { recipients: [] }
        },
        addEventListener: (type, listener) => target.addEventListener(type, listener as EventListener),
        removeEventListener: (type, listener) => target.removeEventListener(type, listener as EventListener)
      }
    }
  })
