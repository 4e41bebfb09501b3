// What it costs to have a first node, in a fresh process: node start-up.mjs <driver>; one JSON line. Plain JavaScript, so
// that no type stripping is in the figures.
const importing = performance.now()

async function peerloom() {
  const { createNode } = await import('@peerloom/core')
  const { identify } = await import('@peerloom/identify')
  const { noise } = await import('@peerloom/noise')
  const { ping } = await import('@peerloom/ping')
  const { tcp } = await import('@peerloom/tcp')
  const { yamux } = await import('@peerloom/yamux')
  return () =>
    createNode({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncryption: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify(), ping: ping() }
    })
}

async function jsLibp2p() {
  const { createLibp2p } = await import('libp2p')
  const { identify } = await import('@libp2p/identify')
  const { noise } = await import('@libp2p/noise')
  const { ping } = await import('@libp2p/ping')
  const { tcp } = await import('@libp2p/tcp')
  const { yamux } = await import('@libp2p/yamux')
  return () =>
    createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify(), ping: ping() }
    })
}

const create = await (process.argv[2] === 'js-libp2p' ? jsLibp2p() : peerloom())
const imported = performance.now()
const node = await create()
const started = performance.now()
console.log(
  JSON.stringify({
    importMs: imported - importing,
    firstNodeMs: started - imported,
    totalMs: started - importing,
    rssMiB: process.memoryUsage.rss() / 2 ** 20
  })
)
await node.stop()
process.exit(0)
