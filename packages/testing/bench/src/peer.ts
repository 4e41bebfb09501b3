// One side of a workload, in a process of its own. Started by main.ts with an IPC channel:
//   node peer.ts <driver> <NodeOptions as JSON>
import { type BenchNode, type DriverName, loadDriver, type NodeOptions } from './driver.ts'
import { serve } from './protocols.ts'
import { type Figures, type WorkloadContext, workloads } from './workloads.ts'

/** What the two processes and main.ts say to each other. */
export type Request =
  | { readonly id: number; readonly do: 'cpu' | 'memory' | 'stop' }
  | {
      readonly id: number
      readonly do: 'run'
      readonly workload: string
      readonly size: number
      readonly address: string
    }

export type Reply = { readonly id: number; readonly value?: unknown; readonly error?: string }

const [name, json = ''] = process.argv.slice(2)
const driver = await loadDriver(name as DriverName)
const options = JSON.parse(json) as NodeOptions
const node: BenchNode = await driver.create(options)
if (options.role === 'listen') await serve(node)

const collect = (globalThis as { gc?: () => void }).gc
async function memory(): Promise<{ rss: number; heap: number }> {
  for (let round = 0; round < 4; round++) {
    collect?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { rss: process.memoryUsage.rss(), heap: process.memoryUsage().heapUsed }
}

function cpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Questions of this process to the listening one, passed on by main.ts. */
const asked = new Map<number, (value: never) => void>()
let next = 0
function ask<T>(what: 'cpu' | 'memory' | 'relay-cpu'): Promise<T> {
  return new Promise((resolve) => {
    const id = ++next
    asked.set(id, resolve as (value: never) => void)
    process.send?.({ id, ask: what })
  })
}

async function run(workload: string, size: number, address: string): Promise<Figures> {
  const work = workloads[workload]
  if (work === undefined) throw new Error(`no workload ${workload}`)
  const context: WorkloadContext = {
    driver,
    node,
    options,
    address,
    remoteCpuUs: () => ask<number>('cpu'),
    relayCpuUs: () => ask<number>('relay-cpu'),
    remoteMemory: () => ask('memory'),
    localMemory: memory
  }
  return work(context, size)
}

async function answer(request: Request): Promise<unknown> {
  switch (request.do) {
    case 'cpu':
      return cpu()
    case 'memory':
      return memory()
    case 'run':
      return run(request.workload, request.size, request.address)
    case 'stop':
      await node.stop()
      setImmediate(() => process.exit(0))
      return undefined
  }
}

process.on('message', (message: Request | { readonly answerTo: number; readonly value: never }) => {
  if ('answerTo' in message) {
    asked.get(message.answerTo)?.(message.value)
    asked.delete(message.answerTo)
    return
  }
  answer(message).then(
    (value) => process.send?.({ id: message.id, value } satisfies Reply),
    (error: unknown) =>
      process.send?.({ id: message.id, error: String((error as Error).stack ?? error) } satisfies Reply)
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: node.address })
