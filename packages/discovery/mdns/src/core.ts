import { multiaddr } from '@multiformats/multiaddr'
import { BoundedMap, TokenBucket } from '@peerloom/bounded'
import { type FoundPeer, isPeerloomError, type OwnAddress, type PeerId } from '@peerloom/interface'
import {
  announcementPackets,
  type Announced,
  detailPackets,
  goodbyePacket,
  hostName,
  instanceName,
  servicePacket
} from './announcement.ts'
import { decodeMessage } from './decode.ts'
import { type Question, type ReceivedMessage, recordTypes } from './dns-message.ts'
import { encodeMessage } from './encode.ts'
import { goodbyes, sightings } from './found-peers.ts'
import { announcedOn, type Link } from './lan-address.ts'
import { PeerTable } from './peer-table.ts'
import { metaService } from './service-name.ts'

export interface CoreOptions {
  readonly self: PeerId
  readonly service: string
  readonly peerName: string
  readonly intervalMs: number
  readonly ttlMs: number
  /** Whether we are to be found. */
  readonly broadcast: boolean
  readonly maxPeers: number
  readonly maxPeersPerSource: number
  readonly maxAddresses: number
  readonly maxPacketsPerSource: number
  readonly maxPackets: number
  /** A number from 0 up to 1. */
  readonly random: () => number
}

export interface Outgoing<L extends Link> {
  readonly link: L
  readonly bytes: Uint8Array
}

/** What we can be asked for; each is answered by itself. */
type Kind = 'announcement' | 'detail' | 'services'

interface Answer {
  /** When it is to go out; undefined while nobody asked. */
  dueAt: number | undefined
  sentAt: number
}

interface LinkState<L extends Link> {
  readonly link: L
  readonly answers: Readonly<Record<Kind, Answer>>
  readonly packets: Map<Kind, readonly Uint8Array[]>
}

/** The first pauses between queries are this and twice this (RFC 6762 section 5.2). */
const firstIntervalMs = 1000
/** No record is sent more often (RFC 6762 section 6). */
const answerIntervalMs = 1000
/** Spreads what many do at the same time (RFC 6762 sections 5.2 and 6). */
const jitterMs = { least: 20, range: 100 }
/** Queries of others that may stand in for ours, in a row: somebody might see to it that they reach us only. */
const maxIntervalsSkipped = 16
/** Sources whose packets are counted at once. */
const maxSources = 256

const never = Number.NEGATIVE_INFINITY

/**
 * The protocol: packets and a time go in, packets, found peers and the next time come out. It asks for the service when it
 * starts and when networks change, ever less often up to `intervalMs`, and answers everybody, itself included, so that
 * those who only listen learn of it (mDNS specification, request). All answers are multicast, whoever asked how.
 */
export class MdnsCore<L extends Link> {
  readonly #options: CoreOptions
  readonly #table: PeerTable
  readonly #sources: BoundedMap<string, TokenBucket>
  readonly #budget: TokenBucket
  readonly #query: Uint8Array
  #links: LinkState<L>[] = []
  #own: readonly OwnAddress[] = []
  #now: number
  /** The pause after the next query, and the one that goes on now. */
  #intervalMs = firstIntervalMs
  #pauseMs = firstIntervalMs
  #queryAt = Number.POSITIVE_INFINITY
  #queriedAt = never

  constructor(options: CoreOptions, now: number) {
    this.#options = options
    this.#now = now
    this.#table = new PeerTable(options, now)
    this.#sources = new BoundedMap({ maxEntries: maxSources })
    this.#budget = this.#bucket(options.maxPackets)
    this.#query = encodeMessage({ response: false, questions: [{ name: options.service, type: recordTypes.PTR }] })
  }

  /** Peers that are known to be there. */
  get size(): number {
    return this.#table.size
  }

  /** When `tick` is to be called next; Infinity when nothing is planned. */
  get nextAt(): number {
    let next = this.#queryAt
    for (const { answers } of this.#links) {
      for (const { dueAt } of Object.values(answers)) if (dueAt !== undefined && dueAt < next) next = dueAt
    }
    return next
  }

  /** The networks there are now. Other than before: asks anew on all of them. */
  setLinks(links: readonly L[], now: number): void {
    this.#now = now
    const news = links.some((link) => !this.#links.some((state) => state.link === link))
    this.#links = links.map((link) => this.#links.find((state) => state.link === link) ?? newState(link))
    for (const { packets } of this.#links) packets.clear()
    if (links.length === 0) this.#queryAt = Number.POSITIVE_INFINITY
    if (!news) return
    this.#intervalMs = firstIntervalMs
    this.#queryAt = now + this.#jitter()
  }

  /** Our addresses now: tells everybody. */
  setAddresses(own: readonly OwnAddress[], now: number): void {
    this.#own = own
    for (const state of this.#links) {
      state.packets.clear()
      this.#plan(state, 'announcement', now)
    }
  }

  /** Takes a packet from an IP address, with its zone if it has one. Gives what is news. Never throws. */
  receive(bytes: Uint8Array, source: string, now: number): FoundPeer[] {
    this.#now = now
    const states = this.#reached(source)
    // Who is not on the link is not to be answered, nor believed (RFC 6762 section 11).
    const [first] = states
    if (first === undefined || !this.#allow(source)) return []
    let message: ReceivedMessage
    try {
      message = decodeMessage(bytes)
    } catch (error) {
      if (isPeerloomError(error, 'ERR_DECODE')) return []
      throw error
    }
    if (message.response) return this.#response(message, source, first.link, now)
    for (const question of message.questions) this.#asked(question, message, states, now)
    return []
  }

  /** What is to be sent by now. */
  tick(now: number): Outgoing<L>[] {
    this.#now = now
    const out: Outgoing<L>[] = []
    if (now >= this.#queryAt) {
      this.#table.prune(now)
      for (const state of this.#links) {
        out.push({ link: state.link, bytes: this.#query })
        this.#plan(state, 'announcement', now)
      }
      this.#queriedAt = now
      this.#pauseMs = this.#intervalMs
      this.#queryAt = now + this.#pause()
      this.#intervalMs = Math.min(this.#intervalMs * 2, this.#options.intervalMs)
    }
    for (const state of this.#links) {
      for (const kind of Object.keys(state.answers) as Kind[]) {
        const answer = state.answers[kind]
        if (answer.dueAt === undefined || answer.dueAt > now) continue
        answer.dueAt = undefined
        answer.sentAt = now
        for (const bytes of this.#packets(state, kind)) out.push({ link: state.link, bytes })
      }
    }
    return out
  }

  /** What is to be sent last, where anything was said before. */
  goodbye(): Outgoing<L>[] {
    return this.#links
      .filter(({ answers }) => answers.announcement.sentAt !== never)
      .map(({ link }) => ({ link, bytes: goodbyePacket(this.#announced(link)) }))
  }

  #response(message: ReceivedMessage, source: string, link: Link, now: number): FoundPeer[] {
    const { service, self } = this.#options
    for (const instance of goodbyes(message, service)) this.#table.goodbye(instance)
    const news: FoundPeer[] = []
    for (const sighting of sightings(message, service, link)) {
      if (sighting.id.equals(self)) continue
      const found = this.#table.see(sighting, source, now)
      if (found !== undefined) news.push(found)
    }
    return news
  }

  #asked(question: Question, message: ReceivedMessage, states: readonly LinkState<L>[], now: number): void {
    const { service, peerName, ttlMs } = this.#options
    const name = instanceName(this.#options)
    const { type } = question
    const any = type === recordTypes.ANY
    if (question.name === service && (any || type === recordTypes.PTR)) {
      const isKnown = message.pointers.some(
        (known) => known.name === service && known.target === name && known.ttlSeconds * 2000 >= ttlMs
      )
      if (!isKnown) for (const state of states) this.#plan(state, 'announcement', now)
      // Everybody hears the answers: who asks, asks for all (RFC 6762 section 7.3).
      if (message.pointers.length === 0) this.#postpone(now)
    } else if (question.name === metaService && (any || type === recordTypes.PTR)) {
      for (const state of states) this.#plan(state, 'services', now)
    } else if (
      (question.name === name && (any || type === recordTypes.TXT || type === recordTypes.SRV)) ||
      (question.name === hostName(peerName) && (any || type === recordTypes.A || type === recordTypes.AAAA))
    ) {
      for (const state of states) this.#plan(state, 'detail', now)
    }
  }

  #plan(state: LinkState<L>, kind: Kind, now: number): void {
    if (!this.#options.broadcast) return
    const answer = state.answers[kind]
    answer.dueAt ??= Math.max(now + this.#jitter(), answer.sentAt + answerIntervalMs)
  }

  #postpone(now: number): void {
    const latest = this.#queriedAt + maxIntervalsSkipped * this.#pauseMs
    this.#queryAt = Math.max(this.#queryAt, Math.min(now + this.#pause(), latest))
  }

  /** The links that a source is on: with an address of several networks, it may be on any. */
  #reached(source: string): LinkState<L>[] {
    const [ip = '', zone] = source.split('%')
    return this.#links.filter(({ link }) => (zone === undefined ? link.contains(ip) : link.zone === zone))
  }

  #allow(source: string): boolean {
    let bucket = this.#sources.get(source)
    if (bucket === undefined) {
      bucket = this.#bucket(this.#options.maxPacketsPerSource)
      this.#sources.set(source, bucket)
    }
    return bucket.take() && this.#budget.take()
  }

  /** Twice the rate at once: a large network answers within a moment. */
  #bucket(ratePerSecond: number): TokenBucket {
    return new TokenBucket({ ratePerSecond, burst: ratePerSecond * 2, clock: { now: () => this.#now } })
  }

  #packets(state: LinkState<L>, kind: Kind): readonly Uint8Array[] {
    let packets = state.packets.get(kind)
    if (packets !== undefined) return packets
    const announced = this.#announced(state.link)
    if (announced.addresses.length === 0) packets = []
    else if (kind === 'announcement') packets = announcementPackets(announced)
    else if (kind === 'detail') packets = detailPackets(announced)
    else packets = [servicePacket(announced)]
    state.packets.set(kind, packets)
    return packets
  }

  #announced(link: Link): Announced {
    const { service, peerName, ttlMs, self, maxAddresses } = this.#options
    const suffix = `/p2p/${self}`
    const everyLink = this.#links.map((state) => state.link)
    const addresses = announcedOn(link, this.#own, everyLink)
      .slice(0, maxAddresses)
      .map((address) => (address.toString().endsWith(suffix) ? address : multiaddr(`${address}${suffix}`)))
    return { service, peerName, ttlSeconds: Math.ceil(ttlMs / 1000), addresses }
  }

  #jitter(): number {
    return jitterMs.least + this.#options.random() * jitterMs.range
  }

  /** Never the same for all, so that one asks first and the others need not. */
  #pause(): number {
    return this.#pauseMs * (0.8 + 0.4 * this.#options.random())
  }
}

const newAnswer = (): Answer => ({ dueAt: undefined, sentAt: never })

const newState = <L extends Link>(link: L): LinkState<L> => ({
  link,
  answers: { announcement: newAnswer(), detail: newAnswer(), services: newAnswer() },
  packets: new Map()
})
