import tests from '@libp2p/interface-compliance-tests/stream-muxer'
import { toLibp2p } from '@peerloom/compat'
import { yamux } from '@peerloom/yamux'

tests({
  async setup() {
    return toLibp2p(yamux())()
  },
  async teardown() {}
})
