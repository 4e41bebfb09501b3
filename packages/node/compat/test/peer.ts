/** What a peer of either stack does in these tests, whichever modules it is made of. */
export interface Peer {
  readonly address: string
  dial(address: string): Promise<Link>
  /** Lets streams of the hold protocol be read from now on. */
  release(): void
  /** Resolves when a stream of the watch protocol has brought its first bytes. */
  readonly seen: Promise<void>
  /** Resolves with the error that a stream of the watch protocol ended with. */
  readonly watched: Promise<Error>
  stop(): Promise<void>
}

/** The dialling side's view of a connection. */
export interface Link {
  readonly security: string
  readonly muxer: string
  open(protocol: string): Promise<TestStream>
  close(): Promise<void>
}

export interface TestStream {
  /** False: wait for `drained`. */
  send(bytes: Uint8Array): boolean
  drained(): Promise<void>
  closeWrite(): Promise<void>
  /** Everything up to the remote's end; rejects when the stream is reset. */
  readAll(): Promise<Uint8Array>
  abort(error: Error): void
}

export const protocols = {
  /** Sends back what comes, then its end. */
  echo: '/compat/echo/1.0.0',
  /** Answers with the number of bytes, once the remote has ended. */
  count: '/compat/count/1.0.0',
  /** As `count`, but reads nothing until it is released. */
  hold: '/compat/hold/1.0.0',
  /** As `hold`, but reads the first bytes at full speed, so that windows grow. */
  holdLater: '/compat/hold-later/1.0.0',
  /** Resets the stream at its first byte. */
  reset: '/compat/reset/1.0.0',
  /** Tells with what error the stream ends. */
  watch: '/compat/watch/1.0.0'
} as const

/** What `holdLater` reads before it stops. */
export const readFirst: number = 12 << 20

export function testBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8)) & 0xff
  return bytes
}

/** Sends everything in chunks of 64 KiB, at the pace of the other side. */
export async function sendAll(stream: TestStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += 65_536) {
    // Channels own what they are given, and the caller compares it afterwards.
    if (!stream.send(bytes.slice(at, at + 65_536))) await stream.drained()
  }
  await stream.closeWrite()
}

export async function echo(stream: TestStream, bytes: Uint8Array): Promise<Uint8Array> {
  const [answer] = await Promise.all([stream.readAll(), sendAll(stream, bytes)])
  return answer
}

/** Sends until nothing is taken any more, and nothing has drained for a while. Returns how much that was. */
export async function fill(stream: TestStream): Promise<number> {
  const chunk = 65_536
  const most = 64 << 20
  for (let sent = chunk; sent <= most; sent += chunk) {
    if (stream.send(new Uint8Array(chunk))) continue
    const quiet = new Promise<boolean>((resolve) => setTimeout(resolve, 200, true))
    if (await Promise.race([quiet, stream.drained().then(() => false)])) return sent
  }
  return most
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve: (value) => resolve(value) }
}
