import { rpcBytes } from '@peerloom/pubsub'
import { expect, test } from 'vitest'

// Counted by hand from the protobuf encoding of the pubsub and gossipsub specifications.
test.each([
  ['a subscription', { subscriptions: [{ topic: 'topic', subscribe: true }] }, 2 + 2 + 7],
  [
    'one with partial messages',
    { subscriptions: [{ topic: 'é', subscribe: true, requestsPartial: true }] },
    2 + 2 + 4 + 2
  ],
  ['a message', { publish: [{ id: 'x', topic: 'topic', bytes: 77 }] }, 77],
  ['IHAVE', { control: { ihave: [{ topic: 't', ids: ['abc', 'd'] }] } }, 2 + 2 + 3 + 5 + 3],
  ['IWANT', { control: { iwant: [['abc']] } }, 2 + 2 + 5],
  ['GRAFT', { control: { graft: ['t'] } }, 2 + 2 + 3],
  ['PRUNE with a backoff', { control: { prune: [{ topic: 't', backoffSeconds: 60 }] } }, 2 + 2 + 3 + 2],
  [
    'PRUNE with a peer',
    { control: { prune: [{ topic: 't', peers: [{ peerId: new Uint8Array(38) }] }] } },
    2 + 2 + 3 + 42
  ],
  ['IDONTWANT', { control: { idontwant: [['\u00ff']] } }, 2 + 2 + 3],
  ['extensions', { control: { extensions: { partialMessages: true, testExtension: true } } }, 2 + 2 + 2 + 5],
  ['no extensions', { control: { extensions: {} } }, 2 + 2],
  ['a part', { partial: { topic: 't', groupId: new Uint8Array(2), part: new Uint8Array(3) } }, 2 + 3 + 4 + 5],
  ['the test extension', { testExtension: true }, 5],
  ['nothing', {}, 0]
])('the size of %s', (_, rpc, bytes) => expect(rpcBytes(rpc)).toBe(bytes))
