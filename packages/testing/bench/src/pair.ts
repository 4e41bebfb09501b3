import { type ChildProcess, execFile, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { DriverName } from './driver.ts'
import type { Reply, Request } from './peer.ts'
import type { Figures } from './workloads.ts'

const entry = fileURLToPath(new URL('./peer.ts', import.meta.url))
/** No run takes longer, whatever the driver. */
const timeoutMs = 180_000

type Ask = { readonly id: number; readonly ask: 'cpu' | 'memory' }

class Peer {
  readonly child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #onAsk: (ask: Ask) => void
  #next = 0
  address = ''

  constructor(
    driver: DriverName,
    role: 'listen' | 'dial',
    identify: boolean,
    transport: 'ws' | '-',
    windowBytes: number | undefined,
    flags: readonly string[],
    onAsk: (ask: Ask) => void
  ) {
    this.#onAsk = onAsk
    this.child = fork(
      entry,
      [
        driver,
        role,
        identify ? 'identify' : '-',
        transport,
        ...(windowBytes === undefined ? [] : [String(windowBytes)])
      ],
      {
        execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning', ...flags],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env: { ...process.env, NODE_ENV: 'production' }
      }
    )
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

/** One run of one workload: a listening and a dialling process of one driver, fresh ones. */
export async function runPair(
  driver: DriverName,
  workload: string,
  size: number,
  options: { readonly identify?: boolean; readonly windowBytes?: number; readonly profile?: string } = {}
): Promise<Figures> {
  const identify = options.identify === true
  const transport = workload.startsWith('ws-') ? 'ws' : '-'
  const flags = (side: string): string[] =>
    options.profile === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${options.profile}/${driver}-${workload}-${side}`]
  const listener = new Peer(driver, 'listen', identify, transport, options.windowBytes, flags('listener'), () => {})
  const dialer = new Peer(driver, 'dial', identify, transport, options.windowBytes, flags('dialer'), ({ id, ask }) => {
    void listener.request({ do: ask }).then((value) => dialer.child.send({ answerTo: id, value }))
  })
  const watchdog = setTimeout(() => {
    listener.child.kill('SIGKILL')
    dialer.child.kill('SIGKILL')
  }, timeoutMs)
  try {
    await Promise.all([listener.started(), dialer.started()])
    return (await dialer.request({ do: 'run', workload, size, address: listener.address })) as Figures
  } finally {
    await Promise.all([dialer.stop(), listener.stop()])
    clearTimeout(watchdog)
  }
}

/** One start of a fresh process with a first node. */
export async function runStartUp(driver: DriverName): Promise<Figures> {
  const script = fileURLToPath(new URL('./start-up.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, driver], { timeout: timeoutMs })
  return JSON.parse(stdout) as Figures
}
