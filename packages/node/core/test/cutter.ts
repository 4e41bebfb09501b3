import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** How a link ends: with an end, with a reset, or not at all: it falls silent. */
export type Ending = 'end' | 'reset' | 'silence'

export interface Cut {
  /** Which direction is counted: what the dialler sends, or what it gets. */
  readonly direction: 'out' | 'in'
  readonly afterBytes: number
  readonly ending: Ending
}

/** Passes links on to a port, and ends each after so many bytes. */
export class Cutter {
  cut: Cut | undefined
  passed = { out: 0, in: 0 }
  #port = 0
  readonly #sockets = new Set<Socket>()

  static async to(port: number): Promise<Cutter> {
    const cutter = new Cutter()
    const server = createServer({ allowHalfOpen: true }, (socket) => cutter.#join(socket, port))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cutter.#port = (server.address() as { port: number }).port
    onTestFinished(() => {
      server.close()
      cutter.end('reset')
    })
    return cutter
  }

  get address(): string {
    return `/ip4/127.0.0.1/tcp/${this.#port}`
  }

  /** Ends all links now. */
  end(ending: Ending): void {
    for (const socket of this.#sockets) {
      if (ending === 'reset') socket.resetAndDestroy()
      else if (ending === 'end') socket.destroySoon()
      else socket.removeAllListeners('data').pause()
    }
    if (ending !== 'silence') this.#sockets.clear()
  }

  #join(near: Socket, port: number): void {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.passed = { out: 0, in: 0 }
    const pass = (from: Socket, to: Socket, direction: 'out' | 'in'): void => {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => to.destroy())
      from.on('end', () => to.end())
      from.on('data', (bytes) => {
        const { cut } = this
        const room = cut?.direction === direction ? cut.afterBytes - this.passed[direction] : Infinity
        const some = bytes.subarray(0, room)
        this.passed[direction] += some.length
        if (some.length > 0) to.write(some)
        if (cut !== undefined && bytes.length >= room) this.end(cut.ending)
      })
    }
    pass(near, far, 'out')
    pass(far, near, 'in')
    if (this.cut?.afterBytes === 0) this.end(this.cut.ending)
  }
}
