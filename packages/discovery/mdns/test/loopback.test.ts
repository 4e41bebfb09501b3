import { until } from '@peerloom/conformance'
import { expect, test } from 'vitest'
import { freePort, lanNode } from './nodes.ts'

test('two nodes find each other and connect', async () => {
  const port = freePort()
  const [one, two] = [await lanNode({ port }), await lanNode({ port })]
  await until(
    'connected',
    () => one.connections.list(two.peerId).length > 0 && two.connections.list(one.peerId).length > 0
  )
})
