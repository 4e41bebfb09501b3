import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import {
  type Channel,
  type Clock,
  type Connection,
  type Listener,
  PeerloomError,
  type Secured,
  type Transport,
  type UpgradeOptions,
  type Upgrader
} from '@peerloom/interface'
import { byteReader } from '@peerloom/streams'
import { describe, expect, test } from 'vitest'
import { until } from './until.ts'

export interface TransportSetup {
  /** Makes a transport; several are used together. */
  create(): Transport
  /** An address to listen on, free each time it is asked for. */
  listenAddress(): string
  /** One that the transport could dial, but where nobody listens. */
  deadAddress(): string
  /** Addresses of other kinds. */
  readonly foreignAddresses: readonly string[]
  /** Whether the dialling end has an address of its own. Default true. */
  readonly diallerHasAddress?: boolean
  /** Whether the remote can tell an abort from an end. Default true. */
  readonly tellsResets?: boolean
}

const bringsChannels = (): PeerloomError =>
  new PeerloomError('ERR_INVALID_ARGUMENT', 'this suite is for transports that bring channels: see testConnections')

/** Stands for the node: keeps the links that a transport brings, as they are. */
class LinkKeeper implements Upgrader {
  readonly links: { readonly channel: Channel; readonly options: UpgradeOptions }[] = []
  accepting = true

  upgradeOutbound(channel: Channel, options: UpgradeOptions): Promise<Connection> {
    options.onStage?.('security')
    this.links.push({ channel, options })
    // The suite looks at the link, never at the connection.
    return Promise.resolve({ channel } as unknown as Connection)
  }

  upgradeInbound(channel: Channel, options: UpgradeOptions): Promise<undefined> {
    this.links.push({ channel, options })
    return Promise.resolve(undefined)
  }

  secure(): Promise<Secured> {
    return Promise.reject(bringsChannels())
  }

  adoptOutbound(): Promise<Connection> {
    return Promise.reject(bringsChannels())
  }

  adoptInbound(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  acceptInbound(): boolean {
    return this.accepting
  }
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
const bytesOf = (words: string): Uint8Array => new TextEncoder().encode(words)

/** A context for transports that need no more of their node than a clock. */
export const clockOnly = <T>(clock: Clock): T => ({ clock }) as T

/** What every transport that brings channels promises. */
export function testTransport(name: string, setup: TransportSetup): void {
  describe(`${name} as a transport`, () => {
    const cleanUp = async (listener: Listener, ...keepers: LinkKeeper[]): Promise<void> => {
      await listener.close()
      for (const { links } of keepers) for (const { channel } of links) channel.abort(new Error('the test is over'))
    }

    async function listening(keeper: LinkKeeper): Promise<{ listener: Listener; address: Multiaddr }> {
      const listener = setup.create().createListener({ upgrader: keeper })
      await listener.listen(multiaddr(setup.listenAddress()))
      return { listener, address: listener.addresses()[0] as Multiaddr }
    }

    async function linked() {
      const [near, far] = [new LinkKeeper(), new LinkKeeper()]
      const { listener, address } = await listening(far)
      await setup.create().dial(address, { upgrader: near })
      await until('the link is accepted', () => far.links.length === 1)
      const [one, two] = [near.links[0], far.links[0]] as [(typeof near.links)[0], (typeof far.links)[0]]
      return { one, two, address, listener, end: () => cleanUp(listener, near, far) }
    }

    test('dials and listens on its own addresses, with and without a peer, and on no others', () => {
      const transport = setup.create()
      const peer = '/p2p/12D3KooWJ5zkTDdXTmeA4eGhmQx4rQZTVYMJbQQjaTwh2wnLqcvk'
      for (const address of [setup.listenAddress(), setup.listenAddress() + peer]) {
        expect(transport.canDial(multiaddr(address)), address).toBe(true)
        expect(transport.canListen(multiaddr(address)), address).toBe(true)
      }
      for (const address of [...setup.foreignAddresses, `${setup.listenAddress()}${peer}/p2p-circuit`]) {
        expect(transport.canDial(multiaddr(address)), address).toBe(false)
        expect(transport.canListen(multiaddr(address)), address).toBe(false)
      }
    })

    test('carries bytes both ways, in order, each end behind them', async () => {
      const { one, two, end } = await linked()
      const parts = Array.from({ length: 200 }, (_, at) => new Uint8Array(at * 97).fill(at))
      for (const part of parts) one.channel.send(part.slice())
      two.channel.send(bytesOf('and back'))
      const closing = [one.channel.closeWrite(), two.channel.closeWrite()]
      const reader = byteReader(two.channel)
      for (const part of parts) expect(Buffer.from(part).equals(await reader.read(part.length))).toBe(true)
      expect(await reader.readSome()).toBeUndefined()
      const back = byteReader(one.channel)
      expect(text(await back.read(8))).toBe('and back')
      expect(await back.readSome()).toBeUndefined()
      await Promise.all(closing)
      await until('both are closed', () => one.channel.status === 'closed' && two.channel.status === 'closed')
      await end()
    })

    test('one direction may end while the other goes on', async () => {
      const { one, two, end } = await linked()
      await one.channel.closeWrite()
      const reader = byteReader(two.channel)
      expect(await reader.readSome()).toBeUndefined()
      for (let at = 0; at < 10; at++) two.channel.send(bytesOf(`${at}`))
      expect(text(await byteReader(one.channel).read(10))).toBe('0123456789')
      expect(() => one.channel.send(bytesOf('x'))).toThrow(expect.objectContaining({ code: 'ERR_WRITE_CLOSED' }))
      await end()
    })

    test('a reader that takes nothing stops the sender, and gets everything once it does', async () => {
      const { one, two, end } = await linked()
      const chunk = new Uint8Array(64 * 1024)
      let sent = 0
      while (one.channel.send(chunk.slice())) sent++
      let [still, last] = [0, -1]
      await until('the sender is stopped', () => {
        if (one.channel.writable) while (one.channel.send(chunk.slice())) sent++
        still = sent === last ? still + 1 : 0
        last = sent
        return still > 50
      })
      expect(sent).toBeLessThan(512) // 32 MiB, of which an operating system may hold several
      const ending = one.channel.closeWrite()
      const reader = byteReader(two.channel)
      let got = 0
      for (let bytes = await reader.readSome(); bytes !== undefined; bytes = await reader.readSome())
        got += bytes.length
      await ending
      expect(got).toBeGreaterThanOrEqual(sent * chunk.length)
      await end()
    })

    test('an abort at one end is a reset at the other', async () => {
      const { one, two, end } = await linked()
      const reader = byteReader(two.channel)
      one.channel.abort(new Error('enough'))
      const code = setup.tellsResets === false ? 'ERR_UNEXPECTED_END' : 'ERR_CHANNEL_RESET'
      await expect(reader.read(1)).rejects.toMatchObject({ code, remote: true })
      expect(one.channel.status).toBe('reset')
      if (setup.tellsResets !== false) expect(two.channel.status).toBe('reset')
      await end()
    })

    test('a link knows both its addresses', async () => {
      const { one, two, address, end } = await linked()
      expect(one.options.remoteAddress.toString()).toBe(address.toString())
      expect(one.options.transport).toBe(setup.create().name)
      expect(two.options.transport).toBe(setup.create().name)
      if (setup.diallerHasAddress !== false) {
        expect(two.options.remoteAddress.toString()).toBe(one.options.localAddress?.toString())
        expect(two.options.localAddress?.toString()).toBe(address.toString())
      }
      await end()
    })

    test('a dial tells its stages, and passes on what it was told', async () => {
      const [near, far] = [new LinkKeeper(), new LinkKeeper()]
      const { listener, address } = await listening(far)
      const stages: string[] = []
      const { signal } = new AbortController()
      await setup.create().dial(address, { upgrader: near, signal, onStage: (stage) => stages.push(stage) })
      expect(stages).toEqual(['connect', 'security'])
      expect(near.links[0]?.options.signal).toBe(signal)
      await cleanUp(listener, near, far)
    })

    test('nobody there, another kind of address and an abort are typed failures', async () => {
      const upgrader = new LinkKeeper()
      const transport = setup.create()
      await expect(transport.dial(multiaddr(setup.deadAddress()), { upgrader })).rejects.toMatchObject({
        code: 'ERR_ADDRESS_UNREACHABLE'
      })
      const signal = AbortSignal.abort(new Error('enough'))
      await expect(transport.dial(multiaddr(setup.deadAddress()), { upgrader, signal })).rejects.toThrow('enough')
      for (const address of setup.foreignAddresses) {
        await expect(transport.dial(multiaddr(address), { upgrader })).rejects.toMatchObject({
          code: 'ERR_NO_TRANSPORT'
        })
        const listener = transport.createListener({ upgrader })
        await expect(listener.listen(multiaddr(address))).rejects.toMatchObject({ code: 'ERR_LISTEN' })
      }
      expect(upgrader.links).toEqual([])
    })

    test('a dial that is aborted under way stops', async () => {
      const [near, far] = [new LinkKeeper(), new LinkKeeper()]
      const { listener, address } = await listening(far)
      const abort = new AbortController()
      const dialling = setup.create().dial(address, { upgrader: near, signal: abort.signal })
      abort.abort(new Error('enough'))
      await dialling.catch((error: Error) => expect(error.message).toBe('enough'))
      await cleanUp(listener, near, far)
    })

    test('a link that the node does not want is dropped before any work', async () => {
      const [near, far] = [new LinkKeeper(), new LinkKeeper()]
      const { listener, address } = await listening(far)
      far.accepting = false
      await setup
        .create()
        .dial(address, { upgrader: near })
        .catch(() => {})
      await until('the dialler notices', () => near.links.every(({ channel }) => channel.status !== 'open'))
      expect(far.links).toEqual([])
      far.accepting = true
      await setup.create().dial(address, { upgrader: near })
      await until('the next one is taken', () => far.links.length === 1)
      await cleanUp(listener, near, far)
    })

    test('an address is taken once, and free again when its listener has closed', async () => {
      const keeper = new LinkKeeper()
      const { listener, address } = await listening(keeper)
      const second = setup.create().createListener({ upgrader: keeper })
      await expect(second.listen(address)).rejects.toMatchObject({ code: 'ERR_LISTEN' })
      expect(second.addresses()).toEqual([])
      await second.close()
      await expect(listener.listen(multiaddr(setup.listenAddress()))).rejects.toMatchObject({ code: 'ERR_LISTEN' })
      expect(listener.addresses()).toEqual([address])
      await listener.close()
      await listener.close()
      expect(listener.addresses()).toEqual([])
      await expect(setup.create().dial(address, { upgrader: keeper })).rejects.toMatchObject({
        code: 'ERR_ADDRESS_UNREACHABLE'
      })
      const third = setup.create().createListener({ upgrader: keeper })
      await third.listen(address)
      await cleanUp(third, keeper)
    })

    test('links live on when their listener closes', async () => {
      const { one, two, listener, end } = await linked()
      await listener.close()
      one.channel.send(bytesOf('still here'))
      expect(text(await byteReader(two.channel).read(10))).toBe('still here')
      await end()
    })
  })
}
