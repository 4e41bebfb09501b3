import type { Socket } from 'node:net'
import { answerUpgrade, refusalText } from './handshake.ts'
import type { UpgradeServer } from './options.ts'
import { refuse } from './upgrade-acceptor.ts'

/** As much of an `http.IncomingMessage` as an upgrade needs. */
interface UpgradeRequest {
  readonly method?: string
  readonly url?: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** What becomes of a request that is in order: undefined, the node does not want the link. */
type Admit = (socket: Socket, head: Uint8Array) => (() => void) | undefined

/** Our part of a server that the application runs: upgrades of one path. Everything else there is the application's. */
export class SharedUpgrades {
  readonly #server: UpgradeServer
  readonly #path: string
  readonly #admit: Admit

  constructor(server: UpgradeServer, path: string, admit: Admit) {
    this.#server = server
    this.#path = path
    this.#admit = admit
    server.on('upgrade', this.#onUpgrade)
  }

  address(): { readonly address: string; readonly family: string; readonly port: number } | undefined {
    const bound = this.#server.address()
    return bound === null || typeof bound === 'string' ? undefined : bound
  }

  /** Links that exist live on. */
  close(): void {
    this.#server.off('upgrade', this.#onUpgrade)
  }

  readonly #onUpgrade = (request: UpgradeRequest, socket: Socket, head: Uint8Array): void => {
    const header = (name: string): string | undefined => request.headers[name]?.toString()
    const answer = answerUpgrade(request.method, request.url, header, this.#path)
    if (typeof answer !== 'string') {
      // Another path may be that of another handler; without one nobody would answer at all.
      if (answer.status !== 404 || this.#server.listenerCount('upgrade') === 1) refuse(socket, refusalText(answer))
      return
    }
    const proceed = this.#admit(socket, head)
    if (proceed === undefined) {
      socket.destroy()
      return
    }
    socket.setNoDelay(true)
    socket.setTimeout(0) // whatever bound the application has on requests
    socket.write(answer)
    proceed()
  }
}
