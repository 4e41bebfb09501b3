import type { Counter, Histogram, Labels, Metrics } from '@peerloom/interface'
import type { Message } from './message.ts'
import type { RouterTrace } from './router.ts'

/** Topics with labels of their own; messages of others are counted together, since a remote can name any. */
const maxLabelledTopics = 256
const otherTopics: Labels = { topic: 'other' }
const sent: Labels = { direction: 'sent' }
const received: Labels = { direction: 'received' }
const heartbeatBuckets = [0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 250, 1000]

export interface Gauges {
  peers(): number
  topics(): number
  pendingValidations(): number
  pendingDials(): number
  queuedBytes(): number
  meshPeers(): number
}

/** What is counted, under the names of the documentation. */
export class Instruments<M extends Message, Handle> implements RouterTrace<M, Handle> {
  readonly #rpcs: Counter
  readonly #bytes: Counter
  readonly #messages: Counter
  readonly #grafts: Counter
  readonly #prunes: Counter
  readonly #dropped: Counter
  readonly #ihave: Counter
  readonly #iwant: Counter
  readonly #idontwant: Counter
  readonly #promises: Counter
  readonly #heartbeats: Histogram
  readonly #skipped: Counter
  readonly #labels = new Map<string, Readonly<Record<string, Labels>>>()
  readonly #isLabelled: (topic: string) => boolean

  /** `isLabelled`: whether a topic is one of ours. */
  constructor(metrics: Metrics, gauges: Gauges, isLabelled: (topic: string) => boolean) {
    const counter = (name: string, help: string): Counter => metrics.counter(`peerloom_pubsub_${name}`, help)
    const gauge = (name: string, help: string, read: () => number): void => {
      metrics.gauge(`peerloom_pubsub_${name}`, help, read)
    }
    this.#isLabelled = isLabelled
    this.#rpcs = counter('rpcs_total', 'RPCs by direction')
    this.#bytes = counter('rpc_bytes_total', 'Bytes of RPCs by direction')
    this.#messages = counter('messages_total', 'Messages by topic and what became of them')
    this.#grafts = counter('grafts_total', 'Peers that joined our mesh of a topic')
    this.#prunes = counter('prunes_total', 'Peers that left our mesh of a topic')
    this.#dropped = counter('dropped_total', 'What did not fit into the queue of a peer')
    this.#ihave = counter('ihave_ids_total', 'Message ids in IHAVE by direction')
    this.#iwant = counter('iwant_ids_total', 'Message ids in IWANT by direction')
    this.#idontwant = counter('idontwant_ids_total', 'Message ids in IDONTWANT by direction')
    this.#promises = counter('promises_total', 'Messages that were asked for, by whether they came')
    this.#heartbeats = metrics.histogram('peerloom_pubsub_heartbeat_ms', 'Time of a heartbeat in ms', heartbeatBuckets)
    this.#skipped = counter('heartbeats_skipped_total', 'Heartbeats left out because the one before was late')
    gauge('peers', 'Peers that we exchange RPCs with', gauges.peers)
    gauge('topics', 'Topics that we subscribed to', gauges.topics)
    gauge('mesh_peers', 'Members of our meshes, of all topics together', gauges.meshPeers)
    gauge('validations_pending', 'Messages that wait for a signature or a validator', gauges.pendingValidations)
    gauge('dials_pending', 'Recommended and explicit peers that wait to be dialled', gauges.pendingDials)
    gauge('queued_bytes', 'Bytes that wait for peers', gauges.queuedBytes)
  }

  rpcReceived(bytes: number): void {
    this.#rpcs.add(1, received)
    this.#bytes.add(bytes, received)
  }

  bytesSent(bytes: number): void {
    this.#bytes.add(bytes, sent)
  }

  published(topic: string): void {
    this.#messages.add(1, this.#labelsOf(topic)['published'])
  }

  delivered(topic: string): void {
    this.#messages.add(1, this.#labelsOf(topic)['delivered'])
  }

  beat(ms: number): void {
    this.#heartbeats.observe(ms)
  }

  skipped(beats: number): void {
    this.#skipped.add(beats)
  }

  // What the router tells.

  graft(_peer: unknown, topic: string): void {
    this.#grafts.add(1, this.#labelsOf(topic)['topic'])
  }

  prune(_peer: unknown, topic: string): void {
    this.#prunes.add(1, this.#labelsOf(topic)['topic'])
  }

  duplicate(message: M): void {
    this.#messages.add(1, this.#labelsOf(message.topic)['duplicate'])
  }

  verdict(message: M, _from: unknown, verdict: string): void {
    this.#messages.add(1, this.#labelsOf(message.topic)[verdict])
  }

  dropped(_peer: unknown, count: number): void {
    this.#dropped.add(count)
  }

  ihave(_peer: unknown, ids: number, direction: 'sent' | 'received'): void {
    this.#ihave.add(ids, direction === 'sent' ? sent : received)
  }

  iwant(_peer: unknown, ids: number, direction: 'sent' | 'received'): void {
    this.#iwant.add(ids, direction === 'sent' ? sent : received)
  }

  idontwant(_peer: unknown, ids: number, direction: 'sent' | 'received'): void {
    this.#idontwant.add(ids, direction === 'sent' ? sent : received)
  }

  promise(_peer: unknown, _id: unknown, kept: boolean): void {
    this.#promises.add(1, kept ? { kept: 'true' } : { kept: 'false' })
  }

  /** Labels are made once for a topic: they are needed for every message. */
  #labelsOf(topic: string): Readonly<Record<string, Labels>> {
    const known = this.#labels.get(topic)
    if (known !== undefined) return known
    if (!this.#isLabelled(topic) || this.#labels.size >= maxLabelledTopics) return otherLabels
    const labels = labelsFor({ topic })
    this.#labels.set(topic, labels)
    return labels
  }
}

const outcomes = ['published', 'delivered', 'duplicate', 'accept', 'reject', 'ignore', 'throttled']

function labelsFor(topic: Labels): Readonly<Record<string, Labels>> {
  return Object.fromEntries([
    ['topic', topic],
    ...outcomes.map((outcome): [string, Labels] => [outcome, { ...topic, outcome }])
  ])
}

const otherLabels = labelsFor(otherTopics)
