import { PeerloomError, toError } from '@peerloom/interface'
import type { DatagramPort, UdpAddress } from '../udp.ts'
import type { QuicheConfig } from './binding.ts'
import type { QuicheConnection } from './connection.ts'
import type { QuicheEndpoint } from './endpoint.ts'
import { bindUdp } from './udp-socket.ts'

export interface QuicheDialOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
}

/**
 * Dials from an endpoint, up to the end of the handshake. Rejects with ERR_TIMEOUT, ERR_ADDRESS_UNREACHABLE, ERR_SECURITY, the
 * signal's reason, or why else the handshake failed. Who answered is for the caller to check.
 */
export function dialQuiche(
  endpoint: QuicheEndpoint,
  to: UdpAddress,
  config: QuicheConfig,
  { signal, timeoutMs }: QuicheDialOptions
): Promise<QuicheConnection> {
  const { clock } = endpoint
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const give = (settle: () => void): void => {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
    const onAbort = (): void => {
      give(() => reject(toError(signal?.reason)))
      dialled.abort()
    }
    const timer = clock.setTimeout(() => {
      give(() => reject(new PeerloomError('ERR_TIMEOUT', `the QUIC handshake took over ${timeoutMs} ms`)))
      dialled.abort()
    }, timeoutMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    const dialled = endpoint.connect(to, config, (settled) =>
      give(() => {
        if (settled.isEstablished) resolve(settled)
        else reject(settled.failure ?? new PeerloomError('ERR_ADDRESS_UNREACHABLE', 'nobody answers'))
      })
    )
  })
}

/** Endpoints that are only dialled from, one for each address family, bound with the first dial of it. */
export class QuicheDiallers {
  readonly #make: (port: DatagramPort) => QuicheEndpoint
  readonly #endpoints = new Map<'udp4' | 'udp6', Promise<QuicheEndpoint>>()

  constructor(make: (port: DatagramPort) => QuicheEndpoint) {
    this.#make = make
  }

  /** Rejects with ERR_LISTEN when no socket can be had. */
  reaching({ host }: UdpAddress): Promise<QuicheEndpoint> {
    const family = host.includes(':') ? 'udp6' : 'udp4'
    let endpoint = this.#endpoints.get(family)
    if (endpoint === undefined) {
      endpoint = bindUdp({ host: family === 'udp6' ? '::' : '0.0.0.0', port: 0 }).then(this.#make)
      this.#endpoints.set(family, endpoint)
      endpoint.catch(() => this.#endpoints.delete(family))
    }
    return endpoint
  }

  /** Frees the sockets, each with its last connection. A dial afterwards binds anew. */
  async stop(): Promise<void> {
    for (const [family, dialler] of this.#endpoints) {
      this.#endpoints.delete(family)
      const endpoint = await dialler.catch(() => undefined)
      await endpoint?.closeWhenIdle()
    }
  }
}
