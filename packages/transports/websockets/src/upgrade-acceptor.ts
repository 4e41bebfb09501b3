import type { Clock } from '@peerloom/interface'
import { WaitingSockets } from '@peerloom/sockets'
import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { answerUpgrade, refusalText } from './handshake.ts'
import { type HttpHead, HttpHeadReader } from './http-head.ts'

export interface UpgradeAcceptorOptions {
  readonly clock: Clock
  readonly maxPending: number
  readonly timeoutMs: number
  /** The one path that is served; undefined: any. */
  readonly path: string | undefined
}

const ignore = (): void => {}

/** Takes accepted sockets through TLS and the HTTP upgrade, bounded in number and time. */
export class UpgradeAcceptor {
  readonly #waiting: WaitingSockets
  readonly #path: string | undefined

  constructor(options: UpgradeAcceptorOptions) {
    const { clock, maxPending, timeoutMs, path } = options
    this.#waiting = new WaitingSockets({ clock, max: maxPending, timeoutMs })
    this.#path = path
  }

  /** `onUpgraded` gets the socket and what the client sent right behind its request. */
  accept(
    raw: Socket,
    context: SecureContext | undefined,
    onUpgraded: (socket: Socket, rest: Uint8Array) => void
  ): void {
    this.#waiting.add(raw)
    const onGone = (): void => this.#waiting.remove(raw)
    raw.on('close', onGone)
    const socket = context === undefined ? raw : secured(raw, context)
    const reader = new HttpHeadReader()
    const settle = (): void => {
      socket.off('data', onData).off('end', giveUp).off('error', giveUp)
    }
    const giveUp = (): void => {
      settle()
      socket.on('error', ignore)
      socket.destroy()
      raw.destroy()
    }
    const onData = (bytes: Uint8Array): void => {
      let head: HttpHead | undefined
      try {
        head = reader.push(bytes)
      } catch {
        settle()
        refuse(socket, refusalText({ status: 400, reason: 'Bad Request' }))
        return
      }
      if (head === undefined) return
      settle()
      const answer = this.#answer(head)
      if (typeof answer !== 'string') {
        refuse(socket, refusalText(answer))
        return
      }
      onGone()
      raw.off('close', onGone)
      socket.write(answer)
      onUpgraded(socket, head.rest)
    }
    socket.on('data', onData).on('end', giveUp).on('error', giveUp)
  }

  /** Ends all links that are under way. */
  close(): void {
    this.#waiting.close()
  }

  #answer({ startLine, headers }: HttpHead): ReturnType<typeof answerUpgrade> {
    const [method, target, version] = startLine.split(' ')
    if (version !== 'HTTP/1.1') return { status: 400, reason: 'Bad Request' }
    return answerUpgrade(method, target, (name) => headers.get(name), this.#path)
  }
}

function secured(raw: Socket, secureContext: SecureContext): TLSSocket {
  raw.on('error', ignore)
  return new TLSSocket(raw, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] })
}

/** Says why, and ends; what the remote still sends is not read. Its time stays bounded by the place it waits in. */
export function refuse(socket: Socket, answer: string): void {
  socket.on('error', ignore)
  socket.resume()
  socket.end(answer, () => socket.destroy())
}
