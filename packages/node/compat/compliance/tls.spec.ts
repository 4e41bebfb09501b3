import tests from '@libp2p/interface-compliance-tests/connection-encryption'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { toLibp2p } from '@peerloom/compat'
import { tls } from '@peerloom/tls'

tests({
  async setup(args) {
    if (args === undefined) throw new Error('the suite gives a private key')
    const { privateKey } = args
    return toLibp2p(tls())({
      privateKey,
      peerId: peerIdFromPrivateKey(privateKey),
      logger: defaultLogger(),
      upgrader: { getStreamMuxers: () => new Map() }
    })
  },
  async teardown() {}
})
