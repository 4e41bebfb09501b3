import { type ChildProcess, execFile, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type DriverName, flagsOf, isRelayed, type NodeOptions } from './driver.ts'
import type { Reply, Request } from './peer.ts'
import type { Figures } from './workloads.ts'

const entry = fileURLToPath(new URL('./peer.ts', import.meta.url))
/** No run takes longer, whatever the driver. */
const timeoutMs = 180_000

type Ask = { readonly id: number; readonly ask: 'cpu' | 'memory' | 'relay-cpu' }

class Peer {
  readonly child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #onAsk: (ask: Ask) => void
  #next = 0
  address = ''

  constructor(driver: DriverName, options: NodeOptions, flags: readonly string[], onAsk: (ask: Ask) => void) {
    this.#onAsk = onAsk
    this.child = fork(entry, [driver, JSON.stringify(options)], {
      execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning', ...flagsOf(driver), ...flags],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' }
    })
  }

  started(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.child.once('exit', (code) => {
        const error = new Error(`the process ended with ${code}`)
        reject(error)
        for (const waiting of this.#waiting.values()) waiting.reject(error)
      })
      this.child.on('message', (message: Reply | Ask | { readonly ready: string }) => {
        if ('ready' in message) {
          this.address = message.ready
          resolve()
        } else if ('ask' in message) {
          this.#onAsk(message)
        } else {
          const waiting = this.#waiting.get(message.id)
          this.#waiting.delete(message.id)
          if (message.error === undefined) waiting?.resolve(message.value)
          else waiting?.reject(new Error(message.error))
        }
      })
    })
  }

  request(request: Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never): Promise<unknown> {
    const id = ++this.#next
    const answered = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    this.child.send({ ...request, id })
    return answered
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000)
    this.child.send({ id: 0, do: 'stop' })
    await ended
    clearTimeout(timer)
  }
}

export interface PairOptions extends Pick<NodeOptions, 'stack' | 'identify' | 'windowBytes'> {
  /** Where CPU profiles go. Default: none are made. */
  readonly profile?: string
}

/** One run of one workload: a listening and a dialling process of one driver, fresh ones, and a relay's where the stack has one. */
export async function runPair(
  driver: DriverName,
  workload: string,
  size: number,
  { profile, ...options }: PairOptions
): Promise<Figures> {
  const peers: Peer[] = []
  const start = (role: NodeOptions['role'], onAsk: (ask: Ask) => void, relayAddress?: string): Peer => {
    const at = `${profile}/${driver}-${options.stack}-${workload}-${role}`
    const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${at}`]
    const where = relayAddress === undefined ? {} : { relayAddress }
    const peer = new Peer(driver, { ...options, ...where, role }, flags, onAsk)
    peers.push(peer)
    return peer
  }
  const watchdog = setTimeout(() => {
    for (const { child } of peers) child.kill('SIGKILL')
  }, timeoutMs)
  try {
    const relay = isRelayed(options.stack) ? start('relay', () => {}) : undefined
    await relay?.started()
    const listener = start('listen', () => {}, relay?.address)
    const onAsk = ({ id, ask }: Ask): void => {
      const asked = ask === 'relay-cpu' ? relay?.request({ do: 'cpu' }) : listener.request({ do: ask })
      void asked?.then((value) => dialer.child.send({ answerTo: id, value }))
    }
    const dialer = start('dial', onAsk)
    await Promise.all([listener.started(), dialer.started()])
    return (await dialer.request({ do: 'run', workload, size, address: listener.address })) as Figures
  } finally {
    for (const peer of peers.toReversed()) await peer.stop()
    clearTimeout(watchdog)
  }
}

/** One start of a fresh process with a first node. */
export async function runStartUp(driver: DriverName): Promise<Figures> {
  return runScript('start-up.mjs', driver, [])
}

/** A mesh of nodes in one fresh process, with `size` messages of so many bytes. */
export async function runGossip(driver: DriverName, bytes: number, size: number, profile?: string): Promise<Figures> {
  return runScript('gossip.ts', driver, [bytes, size], profile)
}

/** `size` received messages and seven duplicates of each, without a network, in one fresh process. */
export async function runReplay(driver: DriverName, size: number, profile?: string): Promise<Figures> {
  return runScript('replay.ts', driver, [size], profile)
}

async function runScript(
  name: string,
  driver: DriverName,
  args: readonly number[],
  profile?: string
): Promise<Figures> {
  const script = fileURLToPath(new URL(name, import.meta.url))
  const at = `${profile}/${[driver, name.split('.')[0], ...args].join('-')}`
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${at}`]
  const options = { timeout: timeoutMs, env: { ...process.env, NODE_ENV: 'production' } }
  const command = [...flagsOf(driver), ...flags, script, driver, ...args.map(String)]
  const { stdout } = await promisify(execFile)(process.execPath, command, options)
  return JSON.parse(stdout) as Figures
}
