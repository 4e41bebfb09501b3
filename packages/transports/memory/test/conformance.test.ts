import { clockOnly, testTransport } from '@peerloom/conformance'
import { systemClock } from '@peerloom/interface'
import { memory, MemoryNetwork } from '@peerloom/memory'

const network = new MemoryNetwork()

testTransport('memory', {
  create: () => memory({ network })(clockOnly(systemClock)),
  listenAddress: () => '/memory/0',
  deadAddress: () => '/memory/nobody',
  foreignAddresses: ['/ip4/127.0.0.1/tcp/1', '/memory/1/tcp/1', '/unix/memory']
})
