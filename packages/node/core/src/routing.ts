import {
  type AbortOptions,
  type ContentRouting,
  type PeerId,
  type PeerInfo,
  PeerloomError,
  type PeerRouting,
  toError
} from '@peerloom/interface'

const notFound = (what: string, cause?: unknown): PeerloomError =>
  new PeerloomError('ERR_NOT_FOUND', `${what} was not found`, { cause })

/** All routing modules of a node as one: asked side by side, the first answer counts. */
export class Routers implements PeerRouting, ContentRouting {
  readonly #peerRouters: readonly PeerRouting[]
  readonly #contentRouters: readonly ContentRouting[]

  constructor(peerRouters: readonly PeerRouting[], contentRouters: readonly ContentRouting[]) {
    this.#peerRouters = peerRouters
    this.#contentRouters = contentRouters
  }

  findPeer(id: PeerId, options?: AbortOptions): Promise<PeerInfo> {
    return first(this.#peerRouters, `peer ${id}`, (router) => router.findPeer(id, options))
  }

  async *closestPeers(key: Uint8Array, options?: AbortOptions): AsyncIterable<PeerInfo> {
    yield* distinct(this.#peerRouters.map((router) => router.closestPeers(key, options)))
  }

  async provide(multihash: Uint8Array, options?: AbortOptions): Promise<void> {
    await all(this.#contentRouters, 'a content router', (router) => router.provide(multihash, options))
  }

  async *findProviders(multihash: Uint8Array, options?: AbortOptions): AsyncIterable<PeerInfo> {
    yield* distinct(this.#contentRouters.map((router) => router.findProviders(multihash, options)))
  }

  async put(key: Uint8Array, value: Uint8Array, options?: AbortOptions): Promise<void> {
    await all(this.#contentRouters, 'a content router', (router) => router.put(key, value, options))
  }

  get(key: Uint8Array, options?: AbortOptions): Promise<Uint8Array> {
    return first(this.#contentRouters, 'the value', (router) => router.get(key, options))
  }
}

async function first<R, T>(routers: readonly R[], what: string, ask: (router: R) => Promise<T>): Promise<T> {
  if (routers.length === 0) throw notFound(what)
  try {
    return await Promise.any(routers.map(ask))
  } catch (error) {
    throw notFound(what, error instanceof AggregateError ? error.errors[0] : error)
  }
}

/** Succeeds when one of them did. */
async function all<R>(routers: readonly R[], what: string, ask: (router: R) => Promise<void>): Promise<void> {
  if (routers.length === 0) throw notFound(what)
  const results = await Promise.allSettled(routers.map(ask))
  const failed = results.filter((result) => result.status === 'rejected')
  if (failed.length === results.length) throw toError(failed[0]?.reason)
}

/** One source after the other, each peer once; a source that fails gives way to the next. */
async function* distinct(sources: readonly AsyncIterable<PeerInfo>[]): AsyncIterable<PeerInfo> {
  const seen = new Set<string>()
  let failure: unknown
  for (const source of sources) {
    try {
      for await (const found of source) {
        const key = found.id.toString()
        if (seen.has(key)) continue
        seen.add(key)
        yield found
      }
    } catch (error) {
      failure = error
    }
  }
  if (seen.size === 0 && failure !== undefined) throw toError(failure)
}
