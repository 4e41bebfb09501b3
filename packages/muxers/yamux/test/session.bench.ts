// What a muxer costs by itself: two of them over an in-process link that joins small pieces as a sealed record does.
// Run: node --conditions=@peerloom/source packages/muxers/yamux/test/session.bench.ts
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type MuxedStream, type Muxer, systemClock } from '@peerloom/interface'
import { ChannelBase, endOfTurn, type Flushable } from '@peerloom/streams'
import { yamux } from '@peerloom/yamux'
import { CountingScope } from '@peerloom/conformance/muxer'

const recordBytes = 65_519
const joinBelowBytes = 4096

/** Delivers in records, each a turn's worth of bytes; large pieces pass as they are. */
class Link extends ChannelBase implements Flushable {
  other!: Link
  #record = Buffer.allocUnsafe(recordBytes)
  #used = 0
  #start = 0
  #ready: Uint8Array[] = []
  #bytes = 0
  #scheduled = false

  protected override carry(bytes: Uint8Array): void {
    this.queued(bytes.length)
    this.#bytes += bytes.length
    if (bytes.length >= joinBelowBytes) {
      this.#cut()
      this.#ready.push(bytes)
    } else {
      if (this.#used + bytes.length > recordBytes) {
        this.#cut()
        this.#record = Buffer.allocUnsafe(recordBytes)
        this.#used = this.#start = 0
      }
      this.#record.set(bytes, this.#used)
      this.#used += bytes.length
    }
    if (this.#scheduled) return
    this.#scheduled = true
    endOfTurn(this)
  }

  flush(): void {
    this.#scheduled = false
    this.#cut()
    const ready = this.#ready
    const bytes = this.#bytes
    this.#ready = []
    this.#bytes = 0
    setImmediate(() => {
      for (const piece of ready) this.other.deliver(piece)
      this.dequeued(bytes)
    })
  }

  #cut(): void {
    if (this.#used === this.#start) return
    this.#ready.push(this.#record.subarray(this.#start, this.#used))
    this.#start = this.#used
  }

  protected override carryEnd(): void {
    this.writeFinished()
  }

  protected override carryReset(): void {}
}

function pair(onStream: (stream: MuxedStream) => void): [Muxer, Muxer] {
  const near = new Link(systemClock)
  const far = new Link(systemClock)
  near.other = far
  far.other = near
  const factory = yamux({ keepAliveMs: 0, maxInboundStreams: 100_000 })({} as never)
  const common = { clock: systemClock, onClose: () => {} }
  return [
    factory.create(near, { ...common, role: 'initiator', limits: new CountingScope(), onStream: () => {} }),
    factory.create(far, { ...common, role: 'responder', limits: new CountingScope(), onStream })
  ]
}

const count = (): { reader: Parameters<MuxedStream['attach']>[0]; bytes: () => number } => {
  let bytes = 0
  return {
    reader: { data: (chunk) => void (bytes += chunk.length), end: () => {}, closed: () => {} },
    bytes: () => bytes
  }
}

async function send(size: number, total: number, yieldEvery: number): Promise<number> {
  const sink = count()
  const [near] = pair((stream) => stream.attach(sink.reader))
  const stream = await near.open()
  const message = new Uint8Array(size)
  const run = async (messages: number): Promise<number> => {
    const before = sink.bytes()
    const started = performance.now()
    for (let at = 1; at <= messages; at++) {
      if (!stream.send(message)) await stream.drained()
      if (at % yieldEvery === 0) await nextTurn()
    }
    while (sink.bytes() < before + messages * size) await nextTurn()
    return (performance.now() - started) / messages
  }
  await run(total / 4)
  return run(total)
}

async function requests(total: number): Promise<number> {
  const answer = new Uint8Array(64)
  const [near] = pair((stream) => {
    stream.attach({
      data: () => {},
      end: () => {
        stream.send(answer)
        void stream.closeWrite()
      },
      closed: () => {}
    })
  })
  const one = async (): Promise<void> => {
    const stream = await near.open()
    stream.send(new Uint8Array(64))
    await new Promise<void>((resolve) => {
      stream.attach({ data: () => {}, end: () => {}, closed: () => resolve() })
      void stream.closeWrite()
    })
  }
  const run = async (wanted: number): Promise<number> => {
    let left = wanted
    const started = performance.now()
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        while (left-- > 0) await one()
      })
    )
    return (performance.now() - started) / wanted
  }
  await run(total / 2)
  return run(total)
}

async function idle(total: number): Promise<number> {
  const gc = (globalThis as { gc?: () => void }).gc
  if (gc === undefined) return Number.NaN
  let sink = 0
  const [near] = pair((stream) =>
    stream.attach({ data: (chunk) => void (sink += chunk.length), end() {}, closed() {} })
  )
  const open = async (): Promise<void> => {
    const stream = await near.open()
    stream.attach({ data: () => {}, end() {}, closed() {} })
    stream.send(new Uint8Array(8))
  }
  for (let at = 0; at < 200; at++) await open()
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await nextTurn()
    gc()
    await nextTurn()
    gc()
  }
  await settle()
  const before = process.memoryUsage().heapUsed
  for (let at = 0; at < total; at++) await open()
  await settle()
  if (sink === 0) throw new Error('nothing arrived')
  return (process.memoryUsage().heapUsed - before) / total / 2
}

const rows: [string, () => Promise<string>][] = [
  ['100 B message', async () => `${((await send(100, 1_000_000, 64)) * 1e6).toFixed(0)} ns`],
  ['64 KiB message', async () => `${((await send(65_536, 40_000, 16)) * 1e3).toFixed(2)} us`],
  ['stream, request, answer, both sides', async () => `${((await requests(40_000)) * 1e3).toFixed(2)} us`],
  ['idle stream, heap of one side', async () => `${(await idle(10_000)).toFixed(0)} B`]
]
const only = process.argv[2]
for (const [name, run] of rows) {
  if (only === undefined || name.includes(only)) console.log(`${name.padEnd(40)} ${await run()}`)
}
