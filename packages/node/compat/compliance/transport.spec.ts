import tests from '@libp2p/interface-compliance-tests/transport'
import { TCP } from '@multiformats/multiaddr-matcher'
import { toLibp2p } from '@peerloom/compat'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'

const modules = () => ({
  transports: [toLibp2p(tcp())],
  connectionEncrypters: [toLibp2p(noise())],
  streamMuxers: [toLibp2p(yamux())],
  connectionMonitor: { enabled: false },
  connectionGater: { denyDialMultiaddr: () => false }
})

tests({
  async setup() {
    return {
      dialMultiaddrMatcher: TCP,
      listenMultiaddrMatcher: TCP,
      dialer: modules(),
      listener: { ...modules(), addresses: { listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0'] } }
    }
  },
  async teardown() {}
})
