import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Order } from './host.ts'
import { edges, Latencies, messages, plan, publisherOf, type TierResult } from './plan.ts'

const startTimeoutMs = 60_000

/** A process with some nodes. Orders are answered one after the other. */
class Host {
  readonly #child: ChildProcess
  readonly #waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = []

  constructor(onDelivered: (message: number, latencyMs: number) => void) {
    this.#child = fork(new URL('./host.ts', import.meta.url), { execArgv: ['--conditions=@peerloom/source'] })
    this.#child.on('message', (answer: Answer) => {
      if (answer.kind === 'delivered') return onDelivered(answer.message, answer.latencyMs)
      const next = this.#waiting.shift()
      if (answer.kind === 'failed') next?.reject(new Error(answer.reason))
      else next?.resolve(answer)
    })
    this.#child.on('exit', (code) => {
      for (const waiting of this.#waiting) waiting.reject(new Error(`a process with nodes ended with ${code}`))
    })
  }

  tell(order: Order): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${order.kind}`)), startTimeoutMs)
      const settled = (): void => clearTimeout(timer)
      this.#waiting.push({
        resolve: (answer) => {
          settled()
          resolve(answer)
        },
        reject: (error) => {
          settled()
          reject(error)
        }
      })
      this.#child.send(order)
    })
  }
}

/** Real nodes over TCP in several processes, in real time; the latency between them is made. */
export async function processTier(seed: number, processes: number): Promise<TierResult> {
  const latencies = new Latencies()
  const hosts = Array.from(
    { length: processes },
    () => new Host((message, latencyMs) => latencies.add(message, latencyMs))
  )
  const hostOf = (node: number): Host => hosts[node % processes] as Host
  const addresses = new Map<number, string>()
  for (const [at, host] of hosts.entries()) {
    const nodes = Array.from({ length: plan.nodes }, (_, node) => node).filter((node) => node % processes === at)
    const answer = await host.tell({ kind: 'start', nodes })
    if (answer.kind === 'done') for (const [node, address] of answer.addresses ?? []) addresses.set(node, address)
  }
  for (const [from, to] of edges(seed)) {
    await hostOf(from).tell({ kind: 'dial', from, address: addresses.get(to) as string })
  }
  await sleep(plan.warmMs)
  for (let message = 0; message < messages; message++) {
    const from = publisherOf(message)
    await hostOf(from).tell({ kind: 'publish', from, message })
    await sleep(plan.everyMs)
  }
  await sleep(plan.coolMs)
  await Promise.all(hosts.map((host) => host.tell({ kind: 'stop' })))
  return latencies.result()
}
