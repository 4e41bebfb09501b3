// A slow line in a thread of its own: passes bytes on, each a while later than it came, in order and without a limit.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

interface Line {
  readonly target: number
  readonly oneWayMs: number
}

/** Starts the line; resolves to the port to connect to instead. */
export function startDelayProxy(target: number, roundTripMs: number): Promise<{ port: number; stop(): Promise<void> }> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { target, oneWayMs: roundTripMs / 2 } satisfies Line
  })
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (port: number) => resolve({ port, stop: async () => void (await worker.terminate()) }))
  })
}

/** Bytes leave when their time has come; one timer serves all that wait. */
function pass(from: Socket, to: Socket, oneWayMs: number): void {
  const waiting: { readonly at: number; readonly bytes: Buffer | undefined }[] = []
  let timer: NodeJS.Timeout | undefined
  const leave = (): void => {
    timer = undefined
    const now = performance.now()
    for (let next = waiting[0]; next !== undefined && next.at <= now; next = waiting[0]) {
      waiting.shift()
      if (next.bytes === undefined) to.end()
      else to.write(next.bytes)
    }
    const next = waiting[0]
    if (next !== undefined) timer = setTimeout(leave, Math.max(1, next.at - now))
  }
  const hold = (bytes: Buffer | undefined): void => {
    waiting.push({ at: performance.now() + oneWayMs, bytes })
    timer ??= setTimeout(leave, oneWayMs)
  }
  from.on('data', hold)
  from.on('end', () => hold(undefined))
  from.on('error', () => to.destroy())
}

if (!isMainThread) {
  const { target, oneWayMs } = workerData as Line
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: target, noDelay: true, allowHalfOpen: true })
    pass(near, far, oneWayMs)
    pass(far, near, oneWayMs)
  })
  server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port))
}
