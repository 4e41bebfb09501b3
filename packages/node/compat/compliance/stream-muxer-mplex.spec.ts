import tests from '@libp2p/interface-compliance-tests/stream-muxer'
import { toLibp2p } from '@peerloom/compat'
import { mplex } from '@peerloom/mplex'

tests({
  async setup() {
    return toLibp2p(mplex())()
  },
  async teardown() {}
})
