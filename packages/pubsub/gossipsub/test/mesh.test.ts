import { expect, test } from 'vitest'
import { Net, Rogue } from './net.ts'

const node = (options = {}) => new Net(options).node('node')
const crowd = (count: number, of: ReturnType<typeof node>, name: string, options = {}) =>
  Array.from({ length: count }, (_, at) => new Rogue(of, `${name} ${at}`, options).subscribe('t'))

test('joining grafts peers of the topic, up to the target', () => {
  const joining = node()
  const peers = crowd(20, joining, 'peer')
  joining.router.subscribe('t')
  expect(joining.mesh('t')).toHaveLength(6)
  const grafted = peers.filter((peer) => peer.got().some(({ control }) => control?.graft?.includes('t')))
  expect(grafted.map(({ peer }) => peer.id).toSorted()).toEqual(joining.mesh('t').toSorted())
})

test('a mesh below its low mark is filled at the heartbeat, one that is large enough is left alone', () => {
  const sparse = node()
  sparse.router.subscribe('t')
  crowd(20, sparse, 'peer')
  sparse.router.heartbeat()
  expect(sparse.mesh('t')).toHaveLength(6)
  const [first] = sparse.router.meshPeers('t')
  sparse.router.removePeer(first as never)
  sparse.router.heartbeat()
  expect(sparse.mesh('t')).toHaveLength(5)
})

test('a mesh at its high mark is cut to the target: the best by score stay, and two that we dialled', () => {
  const app = (id: string) => (id.startsWith('best') ? 5 : 0)
  const full = node({ score: { appScore: app } })
  full.router.subscribe('t')
  for (const peer of crowd(2, full, 'dialled', { outbound: true })) peer.graft('t')
  for (const peer of crowd(4, full, 'best')) peer.graft('t')
  for (const peer of crowd(6, full, 'other')) peer.graft('t')
  expect(full.mesh('t')).toHaveLength(12)
  full.router.heartbeat()
  const names = full
    .mesh('t')
    .map((id) => id.replace(/ .*/, ''))
    .toSorted()
  expect(names).toEqual(['best', 'best', 'best', 'best', 'dialled', 'dialled'])
})

test('a mesh without enough peers that we dialled gets some', () => {
  const besieged = node()
  besieged.router.subscribe('t')
  for (const peer of crowd(8, besieged, 'sybil')) peer.graft('t')
  crowd(3, besieged, 'dialled', { outbound: true })
  besieged.router.heartbeat()
  expect(besieged.mesh('t').filter((id) => id.startsWith('dialled'))).toHaveLength(2)
})

test('peers with a bad score leave the mesh at the heartbeat', () => {
  let isBad = false
  const judging = node({ score: { appScore: () => (isBad ? -1 : 0) } })
  judging.router.subscribe('t')
  const [peer] = crowd(1, judging, 'peer')
  peer?.graft('t')
  expect(judging.mesh('t')).toHaveLength(1)
  isBad = true
  judging.net.now += 1000
  judging.router.heartbeat()
  expect(judging.mesh('t')).toEqual([])
})

test('a mesh of poor peers takes in better ones once in a while', () => {
  const app = (id: string) => (id.startsWith('good') ? 5 : 0)
  const stuck = node({ score: { appScore: app, defaultTopic: { timeInMeshWeight: 0 } } })
  stuck.router.subscribe('t')
  for (const peer of crowd(6, stuck, 'poor', { outbound: true })) peer.graft('t')
  crowd(5, stuck, 'good')
  for (let tick = 0; tick < 60; tick++) stuck.router.heartbeat()
  expect(stuck.mesh('t').filter((id) => id.startsWith('good'))).toHaveLength(2)
})

test('a peer that unsubscribes leaves the mesh, and is told nothing', () => {
  const left = node()
  left.router.subscribe('t')
  const peer = new Rogue(left, 'peer').subscribe('t')
  peer.graft('t')
  peer.got()
  peer.send({ subscriptions: [{ topic: 't', subscribe: false }] })
  expect(left.mesh('t')).toEqual([])
  expect(peer.got()).toEqual([])
})

test('FloodSub peers are in no mesh', () => {
  const mixed = node()
  mixed.router.subscribe('t')
  const old = new Rogue(mixed, 'old', { protocol: '/floodsub/1.0.0' }).subscribe('t')
  old.graft('t')
  mixed.router.heartbeat()
  expect(mixed.mesh('t')).toEqual([])
})

test('degrees that can not hold are refused at once', () => {
  expect(() => node({ degrees: { low: 7 } })).toThrow('degrees')
  expect(() => node({ degrees: { outbound: 5 } })).toThrow('outbound')
  expect(() => node({ gossipTicks: 9 })).toThrow('gossipTicks')
  expect(() => node({ degrees: { target: 0, low: 0, high: 0, score: 0, outbound: 0 } })).not.toThrow()
})
