import { PeerloomError } from '@peerloom/interface'
import { nextTurn } from '@peerloom/streams'
import type { RtcChannel, RtcChannelEvents, RtcChannelInit, RtcLink, RtcLinkEvents } from '../src/engine-interface.ts'

const lowWaterBytes = 64 * 1024

/** Two peer connections in this process, with the habits of an engine and none of its network. */
export class FakeLink implements RtcLink {
  other!: FakeLink
  events: RtcLinkEvents | undefined
  readonly channels = new Set<FakeChannel>()
  closed = false
  #nextId: number

  constructor(firstId: number) {
    this.#nextId = firstId
  }

  createChannel(init: RtcChannelInit): FakeChannel {
    if (this.closed) throw new PeerloomError('ERR_CONNECTION_CLOSED', 'the link is closed')
    const near = new FakeChannel(this, init, (this.#nextId += 2))
    const far = new FakeChannel(this.other, init, near.id)
    near.other = far
    far.other = near
    nextTurn(() => {
      if (!this.other.closed) this.other.events?.onChannel(far)
    })
    return near
  }

  describe(): Promise<string> {
    return Promise.resolve('')
  }

  setRemote(): Promise<void> {
    return Promise.resolve()
  }

  addCandidate(): Promise<void> {
    return Promise.resolve()
  }

  remoteFingerprint(): undefined {
    return undefined
  }

  remoteEndpoint(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  close(error?: Error): void {
    if (this.closed) return
    this.closed = true
    for (const channel of [...this.channels]) channel.close()
    this.events?.onClosed(error)
    nextTurn(() =>
      this.other.close(new PeerloomError('ERR_CONNECTION_CLOSED', 'the other end closed', { remote: true }))
    )
  }
}

export class FakeChannel implements RtcChannel {
  readonly id: number
  readonly label: string
  readonly protocol: string
  other!: FakeChannel
  bufferedAmount = 0
  isOpen = true
  /** Everything that was sent here, when it is kept. */
  sent: Uint8Array[] | undefined
  readonly #link: FakeLink
  #events: RtcChannelEvents | undefined
  #queue: Uint8Array[] = []
  #scheduled = false

  constructor(link: FakeLink, { label = '', protocol = '' }: RtcChannelInit, id: number) {
    this.#link = link
    this.id = id
    this.label = label
    this.protocol = protocol
    link.channels.add(this)
  }

  attach(events: RtcChannelEvents): void {
    this.#events = events
  }

  send(bytes: Uint8Array): boolean {
    if (!this.isOpen) throw new Error('closed')
    this.sent?.push(bytes.slice())
    this.#queue.push(bytes.slice())
    this.bufferedAmount += bytes.length
    this.#schedule()
    return false
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    nextTurn(() => this.#move())
  }

  #move(): void {
    this.#scheduled = false
    const before = this.bufferedAmount
    for (let left = 16; left > 0 && this.#queue.length > 0; left--) {
      const bytes = this.#queue.shift() as Uint8Array
      this.bufferedAmount -= bytes.length
      if (this.other.isOpen) this.other.#events?.onMessage(bytes)
    }
    if (before > lowWaterBytes && this.bufferedAmount <= lowWaterBytes && this.isOpen) this.#events?.onLow()
    if (this.#queue.length > 0) this.#schedule()
    else if (!this.isOpen) {
      this.#link.channels.delete(this)
      this.other.#lost()
    }
  }

  #lost(): void {
    this.#link.channels.delete(this)
    if (!this.isOpen) return
    this.isOpen = false
    this.#events?.onClosed()
  }
}

export function fakeLinks(): [FakeLink, FakeLink] {
  const one = new FakeLink(0)
  const two = new FakeLink(-1)
  one.other = two
  two.other = one
  return [one, two]
}
