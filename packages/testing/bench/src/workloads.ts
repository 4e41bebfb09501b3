import { startDelayProxy } from './delay-proxy.ts'
import type { BenchConnection, BenchNode, BenchStream, Driver, NodeOptions } from './driver.ts'
import { echo, idle, request, requestBytes, sink, source } from './protocols.ts'
import { median, percentile } from './statistics.ts'

/** Figures of one run, by name. Names ending in `Us`, `Ms`, `KiB` and so on carry their unit. */
export type Figures = Record<string, number>

export interface WorkloadContext {
  readonly driver: Driver
  readonly node: BenchNode
  /** What the dialling node was made with, for more like it. */
  readonly options: NodeOptions
  readonly address: string
  /** CPU time the listening process has used so far, in microseconds. */
  remoteCpuUs(): Promise<number>
  /** CPU time the relay has used so far, where there is one. */
  relayCpuUs(): Promise<number>
  /** Memory of the listening process after a forced collection. */
  remoteMemory(): Promise<{ rss: number; heap: number }>
  localMemory(): Promise<{ rss: number; heap: number }>
}

export type Workload = (context: WorkloadContext, size: number) => Promise<Figures>

const mebibyte = 1024 * 1024
const chunkBytes = 64 * 1024
/** The receive window that the long line is measured with; the peerloom driver sets it. */
export const longLineWindowBytes: number = 4 * mebibyte
const localCpuUs = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Runs a piece of work and takes its wall time and the CPU of both sides. */
async function measured(
  context: WorkloadContext,
  work: () => Promise<void>
): Promise<{ seconds: number; localUs: number; remoteUs: number }> {
  const remoteBefore = await context.remoteCpuUs()
  const localBefore = localCpuUs()
  const started = performance.now()
  await work()
  const seconds = (performance.now() - started) / 1000
  const localUs = localCpuUs() - localBefore
  const remoteUs = (await context.remoteCpuUs()) - remoteBefore
  return { seconds, localUs, remoteUs }
}

/** Sends `total` bytes in equal writes; yields to the event loop every 64, as an application would between events. */
async function pour(stream: BenchStream, total: number, each: number, yieldEvery: number): Promise<void> {
  // The same bytes again and again: no implementation changes or keeps what it is given.
  const bytes = new Uint8Array(each)
  let count = 0
  for (let sent = 0; sent < total; sent += each) {
    if (!stream.send(bytes)) await stream.drained()
    if (yieldEvery > 0 && ++count % yieldEvery === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Opens a sink, pours, waits until the other side says that it has it all. */
async function upload(connection: BenchConnection, total: number, each: number, yieldEvery: number): Promise<void> {
  const stream = await connection.open(sink)
  const answered = new Promise<void>((resolve, reject) => {
    const head = new Uint8Array(8)
    let have = 0
    stream.read(
      (_bytes, data) => {
        for (const byte of data()) if (have < 8) head[have++] = byte
        if (have < 8) return
        const got = Number(new DataView(head.buffer).getBigUint64(0))
        if (got >= total) resolve()
        else reject(new Error(`${got} of ${total} bytes arrived`))
      },
      () => {}
    )
  })
  await pour(stream, total, each, yieldEvery)
  await stream.closeWrite()
  await answered
}

async function download(connection: BenchConnection, total: number): Promise<void> {
  const stream = await connection.open(source)
  const head = new Uint8Array(8)
  new DataView(head.buffer).setBigUint64(0, BigInt(total))
  const done = new Promise<void>((resolve) => {
    let got = 0
    stream.read((bytes) => {
      got += bytes
      if (got >= total) resolve()
    }, resolve)
  })
  stream.send(head)
  await done
  await stream.close()
}

const cpuPerGiB = (us: number, bytes: number): number => us / 1e6 / (bytes / 2 ** 30)

const bulk =
  (direction: 'up' | 'down'): Workload =>
  async (context, mebibytes) => {
    const connection = await context.node.connect(context.address)
    const total = mebibytes * mebibyte
    const move = (bytes: number): Promise<void> =>
      direction === 'up' ? upload(connection, bytes, chunkBytes, 0) : download(connection, bytes)
    await move(32 * mebibyte)
    const { seconds, localUs, remoteUs } = await measured(context, () => move(total))
    await connection.close()
    return {
      mibPerSecond: mebibytes / seconds,
      cpuSecondsPerGiB: cpuPerGiB(localUs + remoteUs, total),
      dialerCpuSecondsPerGiB: cpuPerGiB(localUs, total),
      listenerCpuSecondsPerGiB: cpuPerGiB(remoteUs, total)
    }
  }

/** One stream up, through a relay: its CPU is what somebody else pays for. */
const relayed: Workload = async (context, mebibytes) => {
  const connection = await context.node.connect(context.address)
  const total = mebibytes * mebibyte
  await upload(connection, 32 * mebibyte, chunkBytes, 0)
  const relayBefore = await context.relayCpuUs()
  const { seconds, localUs, remoteUs } = await measured(context, () => upload(connection, total, chunkBytes, 0))
  const relayUs = (await context.relayCpuUs()) - relayBefore
  await connection.close()
  return {
    mibPerSecond: mebibytes / seconds,
    relayCpuSecondsPerGiB: cpuPerGiB(relayUs, total),
    dialerCpuSecondsPerGiB: cpuPerGiB(localUs, total),
    listenerCpuSecondsPerGiB: cpuPerGiB(remoteUs, total)
  }
}

const messages =
  (each: number): Workload =>
  async (context, count) => {
    const connection = await context.node.connect(context.address)
    await upload(connection, Math.ceil(count / 10) * each, each, 64)
    const { seconds, localUs, remoteUs } = await measured(context, () => upload(connection, count * each, each, 64))
    await connection.close()
    return { messagesPerSecond: count / seconds, sendUsEach: localUs / count, receiveUsEach: remoteUs / count }
  }

const roundTrip: Workload = async (context, count) => {
  const connection = await context.node.connect(context.address)
  const stream = await connection.open(echo)
  let answered = (): void => {}
  let waiting = 0
  stream.read(
    (bytes) => {
      waiting -= bytes
      if (waiting === 0) answered()
    },
    () => {}
  )
  const once = (): Promise<void> =>
    new Promise((resolve) => {
      answered = resolve
      waiting = 32
      stream.send(new Uint8Array(32))
    })
  for (let warm = 0; warm < count / 10; warm++) await once()
  const times: number[] = []
  const { localUs, remoteUs } = await measured(context, async () => {
    for (let done = 0; done < count; done++) {
      const started = performance.now()
      await once()
      times.push(performance.now() - started)
    }
  })
  await stream.close()
  await connection.close()
  return { p50Ms: median(times), p99Ms: percentile(times, 0.99), cpuUs: (localUs + remoteUs) / count }
}

const dials: Workload = async (context, count) => {
  const times: number[] = []
  const once = async (node: BenchNode): Promise<void> => {
    const started = performance.now()
    const connection = await node.connect(context.address)
    await connection.ping()
    times.push(performance.now() - started)
    await connection.close()
  }
  for (let warm = 0; warm < 20; warm++) await once(context.node)
  times.length = 0
  const sequential = await measured(context, async () => {
    for (let done = 0; done < count; done++) await once(context.node)
  })
  const p50Ms = median(times)
  const p99Ms = percentile(times, 0.99)
  const width = 32
  const nodes = await Promise.all(
    Array.from({ length: width }, () => context.driver.create({ ...context.options, role: 'dial' }))
  )
  let left = count * 2
  const concurrent = await measured(context, async () => {
    await Promise.all(
      nodes.map(async (node) => {
        while (left-- > 0) await once(node)
      })
    )
  })
  await Promise.all(nodes.map((node) => node.stop()))
  return {
    sequentialPerSecond: count / sequential.seconds,
    p50Ms,
    p99Ms,
    concurrentPerSecond: (count * 2) / concurrent.seconds,
    dialerCpuMs: concurrent.localUs / (count * 2) / 1000,
    listenerCpuMs: concurrent.remoteUs / (count * 2) / 1000
  }
}

const requests: Workload = async (context, count) => {
  const connection = await context.node.connect(context.address)
  const times: number[] = []
  const once = async (): Promise<void> => {
    const started = performance.now()
    const stream = await connection.open(request)
    const answered = new Promise<void>((resolve) => {
      let have = 0
      stream.read(
        (bytes) => {
          have += bytes
          if (have >= requestBytes) resolve()
        },
        () => {}
      )
    })
    stream.send(new Uint8Array(requestBytes))
    await answered
    await stream.close()
    times.push(performance.now() - started)
  }
  for (let warm = 0; warm < 200; warm++) await once()
  times.length = 0
  const sequentialCount = Math.ceil(count / 4)
  for (let done = 0; done < sequentialCount; done++) await once()
  const p50Ms = median(times)
  const p99Ms = percentile(times, 0.99)
  let left = count
  const { seconds, localUs, remoteUs } = await measured(context, async () => {
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        while (left-- > 0) await once()
      })
    )
  })
  await connection.close()
  return {
    p50Ms,
    p99Ms,
    concurrentPerSecond: count / seconds,
    dialerCpuUs: localUs / count,
    listenerCpuUs: remoteUs / count
  }
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1500))
}

const idleConnections: Workload = async (context, count) => {
  const warm = await context.node.connect(context.address)
  await warm.ping()
  const before = { local: await context.localMemory(), remote: await context.remoteMemory() }
  const connections: BenchConnection[] = []
  for (let open = 0; open < count; open++) {
    const connection = await context.node.connect(context.address)
    await connection.ping()
    connections.push(connection)
  }
  await settle()
  const after = { local: await context.localMemory(), remote: await context.remoteMemory() }
  await Promise.all([warm, ...connections].map((connection) => connection.close()))
  return perItem(before, after, count)
}

const idleStreams: Workload = async (context, count) => {
  const connection = await context.node.connect(context.address)
  const open = async (): Promise<BenchStream> => {
    const stream = await connection.open(idle)
    await new Promise<void>((resolve) => {
      stream.read(
        () => resolve(),
        () => {}
      )
      stream.send(new Uint8Array(1))
    })
    return stream
  }
  for (let warm = 0; warm < 200; warm++) await (await open()).close()
  const before = { local: await context.localMemory(), remote: await context.remoteMemory() }
  const streams: BenchStream[] = []
  for (let opened = 0; opened < count; opened++) streams.push(await open())
  await settle()
  const after = { local: await context.localMemory(), remote: await context.remoteMemory() }
  await Promise.all(streams.map((stream) => stream.close()))
  await connection.close()
  return perItem(before, after, count)
}

type Memory = { readonly rss: number; readonly heap: number }
type Sides = { readonly local: Memory; readonly remote: Memory }

function perItem(before: Sides, after: Sides, count: number): Figures {
  const each = (side: keyof Sides, what: keyof Memory): number =>
    (after[side][what] - before[side][what]) / 1024 / count
  return {
    dialerRssKiB: each('local', 'rss'),
    dialerHeapKiB: each('local', 'heap'),
    listenerRssKiB: each('remote', 'rss'),
    listenerHeapKiB: each('remote', 'heap')
  }
}

/** The same address, behind a slow line. */
async function behindLine(address: string, roundTripMs: number): Promise<{ address: string; stop(): Promise<void> }> {
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1] ?? address)
  const proxy = await startDelayProxy(port, roundTripMs)
  return { address: address.replace(String(port), String(proxy.port)), stop: () => proxy.stop() }
}

/** From nothing to the first byte of an answer, in round trips of a slow line. */
const roundTrips: Workload = async (context, rounds) => {
  const roundTripMs = 100
  const line = await behindLine(context.address, roundTripMs)
  const counts: number[] = []
  for (let round = 0; round < rounds; round++) {
    const node = await context.driver.create({ ...context.options, role: 'dial' })
    const started = performance.now()
    const connection = await node.connect(line.address)
    const stream = await connection.open(echo)
    const answered = new Promise<void>((resolve) => {
      stream.read(
        () => resolve(),
        () => {}
      )
    })
    stream.send(new Uint8Array(1))
    await answered
    // The line accepts at once: the round trip of the TCP handshake is not in the time.
    counts.push(1 + (performance.now() - started) / roundTripMs)
    await connection.close()
    await node.stop()
  }
  await line.stop()
  return { roundTrips: median(counts) }
}

/** What a window of 4 MiB lets through in a round trip of 60 ms: the receive window must grow to it and be kept full. */
const longLine: Workload = async (context, mebibytes) => {
  const roundTripMs = 60
  const line = await behindLine(context.address, roundTripMs)
  const connection = await context.node.connect(line.address)
  // The line is a little slower than it is told to be: timers are.
  const pings: number[] = []
  for (let round = 0; round < 5; round++) pings.push(await connection.ping())
  const measuredMs = Math.min(...pings)
  // The first half is for the window to grow in, the second is measured.
  const half = (mebibytes * mebibyte) / 2
  const stream = await connection.open(source)
  const head = new Uint8Array(8)
  new DataView(head.buffer).setBigUint64(0, BigInt(2 * half))
  const seconds = await new Promise<number>((resolve) => {
    let got = 0
    let started = 0
    stream.read(
      (bytes) => {
        got += bytes
        if (started === 0 && got >= half) started = performance.now()
        if (got >= 2 * half) resolve((performance.now() - started) / 1000)
      },
      () => {}
    )
    stream.send(head)
  })
  await connection.close()
  await line.stop()
  const limit = longLineWindowBytes / mebibyte / (measuredMs / 1000)
  const mibPerSecond = mebibytes / 2 / seconds
  return { mibPerSecond, roundTripMs: measuredMs, ofWindowPerRoundTrip: mibPerSecond / limit }
}

/** Names that begin with `ws-` are run over WebSockets. */
export const workloads: Record<string, Workload> = {
  up: bulk('up'),
  down: bulk('down'),
  relayed,
  'messages-100': messages(100),
  'messages-1k': messages(1024),
  echo: roundTrip,
  dials,
  requests,
  connections: idleConnections,
  streams: idleStreams,
  'round-trips': roundTrips,
  'long-line': longLine
}
