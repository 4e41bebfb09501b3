import { type Clock, PeerloomError, toError } from '@peerloom/interface'
import type { Audio, IceUdpMuxListener, IceUdpMuxRequest } from 'node-datachannel'
import { createSocket } from 'node:dgram'
import { loadNodeDataChannel, type NodeDataChannel } from './engine.ts'

/** A first packet that belongs to no connection yet. */
export interface BindingRequest {
  readonly serverUfrag: string
  readonly clientUfrag: string
  readonly host: string
  readonly port: number
}

export type OnBindingRequest = (request: BindingRequest) => void

/** A UDP port that this process serves WebRTC on, for one family or both. */
interface SharedPort {
  readonly port: number
  bindAddress: string
  native: IceUdpMuxListener
  readonly users: Map<4 | 6, OnBindingRequest>
}

export interface UdpMux {
  readonly port: number
  readonly bindAddress: string
  close(): void
  /**
   * Resolves when the port is free, and in any case after a while, since it may be somebody else's by then. Call it when the
   * listener is closed and its connections are: the engine ends them in threads of its own, and says nothing of it.
   */
  released(clock: Clock): Promise<void>
}

/** The engine has one listener for a port, whatever the address; one that nobody refers to would stop. */
const ports = new Map<number, SharedPort>()
/** Listeners that were told to stop and have not been seen to: one that goes on is not to lose its memory, see `createListener`. */
const stopping = new Set<IceUdpMuxListener>()
/** Another program may take a port between our finding it free and the engine's taking it. */
const attempts = 5
/** The engine's threads need milliseconds to end a connection, more on a crowded machine. */
const releaseMs = 2000
const releaseStepMs = 5

const wildcards = ['0.0.0.0', '::']
const familyOf = (host: string): 4 | 6 => (host.includes(':') ? 6 : 4)

/** Serves a UDP port; port 0 is any free one. Throws ERR_LISTEN. */
export async function openUdpMux(host: string, port: number, onRequest: OnBindingRequest): Promise<UdpMux> {
  const engine = await loadNodeDataChannel()
  const family = familyOf(host)
  const shared = port === 0 ? undefined : ports.get(port)
  if (shared !== undefined) return join(shared, host, onRequest, engine)
  for (let left = port === 0 ? attempts : 1; ; left--) {
    const chosen = port === 0 ? await freePort(host) : port
    try {
      if (ports.has(chosen)) throw inUse(host, chosen)
      const native = createListener(engine, chosen, host)
      const entry: SharedPort = { port: chosen, bindAddress: host, native, users: new Map([[family, onRequest]]) }
      native.onUnhandledStunRequest((request) => dispatch(entry, request))
      ports.set(chosen, entry)
      return handle(entry, family)
    } catch (cause) {
      if (left <= 1) {
        if (cause instanceof PeerloomError) throw cause
        throw new PeerloomError('ERR_LISTEN', `UDP port ${chosen} of ${host}: ${toError(cause).message}`, { cause })
      }
    }
  }
}

/** Makes a line of a session description take as much memory as a listener does: 105 to 120 bytes are one size to allocators. */
const listenerSized = '\0'.repeat(111 - 'ssrc:1 cname:'.length)
/** More than an allocator keeps at hand of a size, and enough for it to fill that up with zeros. */
const zerosFree = 64
/** After so many glibc, which keeps 7 at hand, has none: all that it takes back then is at hand. */
const zerosAtHand = 15

/**
 * A listener whose `stop` works. libdatachannel (0.24.5) does not initialise the flag by which a listener knows that it was
 * stopped: when it is set from the start `stop` does nothing, the port stays taken, and the next packet of a stranger finds
 * the memory of the listener freed. Allocators give out first what was freed last, so a listener that is made right
 * behind texts of zeros of its size starts with zeros. The second time takes what the allocator had at hand the first time:
 * while it has enough of that, it puts what is freed behind it.
 */
function createListener(engine: NodeDataChannel, port: number, host: string): IceUdpMuxListener {
  const { IceUdpMuxListener } = engine
  const zeros = new engine.Audio('', 'Inactive')
  hold(zeros, zerosFree)
  zeros.removeSSRC(1)
  hold(zeros, zerosAtHand)
  // Nothing comes in between, for the garbage collector frees what has no zeros in it.
  zeros.removeSSRC(1)
  return new IceUdpMuxListener(port, host)
}

function hold(zeros: Audio, lines: number): void {
  for (let line = 0; line < lines; line++) zeros.addSSRC(1, listenerSized)
}

/** All addresses of the other family on a port of ours: one socket serves both. */
function join(shared: SharedPort, host: string, onRequest: OnBindingRequest, engine: NodeDataChannel): UdpMux {
  const family = familyOf(host)
  const all = wildcards.includes(host) && wildcards.includes(shared.bindAddress)
  if (!all || shared.users.has(family)) throw inUse(host, shared.port)
  if (shared.bindAddress === '0.0.0.0') {
    shared.native.stop()
    shared.native = createListener(engine, shared.port, '::')
    shared.bindAddress = '::'
    shared.native.onUnhandledStunRequest((request) => dispatch(shared, request))
  }
  shared.users.set(family, onRequest)
  return handle(shared, family)
}

const inUse = (host: string, port: number): PeerloomError =>
  new PeerloomError('ERR_LISTEN', `UDP port ${port} (${host}) serves WebRTC in this process already`)

function dispatch(shared: SharedPort, request: IceUdpMuxRequest): void {
  const host = request.host.startsWith('::ffff:') && request.host.includes('.') ? request.host.slice(7) : request.host
  shared.users.get(familyOf(host))?.({
    serverUfrag: request.localUfrag,
    clientUfrag: request.ufrag,
    host,
    port: request.port
  })
}

function handle(shared: SharedPort, family: 4 | 6): UdpMux {
  return {
    port: shared.port,
    get bindAddress() {
      return shared.bindAddress
    },
    close() {
      if (!shared.users.delete(family) || shared.users.size > 0) return
      shared.native.stop()
      stopping.add(shared.native)
      ports.delete(shared.port)
    },
    async released(clock) {
      const until = clock.now() + releaseMs
      while (!ports.has(shared.port) && clock.now() < until) {
        const free = await bindOnce(shared.bindAddress, shared.port).catch(() => undefined)
        if (free !== undefined) {
          stopping.delete(shared.native)
          return
        }
        await new Promise<void>((resolve) => clock.setTimeout(resolve, releaseStepMs))
      }
    }
  }
}

/** The engine does not say which port it got when it is asked for any. */
async function freePort(host: string): Promise<number> {
  try {
    return await bindOnce(host, 0)
  } catch (cause) {
    throw new PeerloomError('ERR_LISTEN', `no free UDP port on ${host}: ${toError(cause).message}`, { cause })
  }
}

/** Takes a port and gives it back at once; port 0 is any free one. */
function bindOnce(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(familyOf(host) === 6 ? 'udp6' : 'udp4')
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind(port, host, () => {
      const bound = socket.address().port
      socket.close(() => resolve(bound))
    })
  })
}
