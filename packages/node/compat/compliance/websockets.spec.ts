import tests from '@libp2p/interface-compliance-tests/transport'
import { WebSockets } from '@multiformats/multiaddr-matcher'
import { toLibp2p } from '@peerloom/compat'
import { noise } from '@peerloom/noise'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'

const modules = () => ({
  transports: [toLibp2p(webSockets())],
  connectionEncrypters: [toLibp2p(noise())],
  streamMuxers: [toLibp2p(yamux())],
  connectionMonitor: { enabled: false },
  connectionGater: { denyDialMultiaddr: () => false }
})

tests({
  async setup() {
    return {
      dialMultiaddrMatcher: WebSockets,
      listenMultiaddrMatcher: WebSockets,
      dialer: modules(),
      listener: { ...modules(), addresses: { listen: ['/ip4/127.0.0.1/tcp/0/ws', '/ip4/127.0.0.1/tcp/0/ws'] } }
    }
  },
  async teardown() {}
})
