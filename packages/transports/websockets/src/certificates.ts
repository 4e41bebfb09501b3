/** A certificate with its key, in PEM. */
export interface TlsCredentials {
  readonly key: string | Uint8Array
  /** The chain, that of the server first. */
  readonly cert: string | Uint8Array
  readonly passphrase?: string
}

/** Certificates that may change while a node listens. */
export interface Certificates {
  readonly current: TlsCredentials | undefined
  /**
   * Takes the place of the one before, for handshakes from now on: links that exist live on. Throws ERR_INVALID_ARGUMENT,
   * with the one before left in place, when a listener cannot use it.
   */
  set(credentials: TlsCredentials): void
  /** Calls back before every change, which it may refuse by throwing; returns its end. */
  watch(onChange: (credentials: TlsCredentials) => void): () => void
}

/**
 * Holds what TLS listeners identify with, for certificates that are renewed, or come only when the node runs: until then
 * its TLS listeners tell no address.
 *
 * ```ts
 * const held = certificates({ key, cert })
 * const node = await createNode({ transports: [webSockets({ tls: held })] })
 * held.set(await renewed())
 * ```
 */
export function certificates(initial?: TlsCredentials): Certificates {
  const watchers = new Set<(credentials: TlsCredentials) => void>()
  let current = initial
  return {
    get current() {
      return current
    },
    set(credentials) {
      for (const watcher of watchers) watcher(credentials)
      current = credentials
    },
    watch(onChange) {
      watchers.add(onChange)
      return () => void watchers.delete(onChange)
    }
  }
}
