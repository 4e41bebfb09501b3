import type { Scenario } from './scenario.ts'

/** Networks without attackers: how fast and how often messages reach everybody. */
const spread: Scenario = {
  name: 'spread',
  about:
    '10,000 nodes with 50 connections on average, all over the world, with the uplinks of homes; 100 messages of 90 KiB',
  nodes: 10_000,
  topology: 'growing',
  dials: 25,
  latency: 'world',
  bandwidth: 'home',
  warmMs: 10_000,
  load: { publishers: 100, perSecond: 5, payloadBytes: 90 * 1024, forMs: 20_000 },
  coolMs: 10_000,
  router: {}
}

export const spreading: readonly Scenario[] = [
  spread,
  {
    ...spread,
    name: 'spread-pushed',
    about: 'the same without IDONTWANT: every mesh peer gets every message from everybody',
    router: { dontWantBytes: Number.MAX_SAFE_INTEGER }
  },
  {
    ...spread,
    name: 'small',
    about: '200 nodes all over the world, 100 messages of 2 KiB',
    nodes: 200,
    dials: 10,
    load: { publishers: 20, perSecond: 10, payloadBytes: 2048, forMs: 10_000 }
  },
  {
    ...spread,
    name: 'churn',
    about:
      '1,000 nodes, twenty of which leave every second and come back ten seconds later; a hundredth of packets is lost',
    nodes: 1000,
    dials: 15,
    loss: 0.01,
    load: { publishers: 100, perSecond: 10, payloadBytes: 2048, forMs: 60_000 },
    churn: { perSecond: 20, awayMs: 10_000 }
  }
]
