import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

export type Fields = Readonly<Record<string, unknown>>

interface Pending {
  readonly resolve: (answer: Fields) => void
  readonly reject: (error: Error) => void
}

const keptLog = 4096
const gracefulExitMs = 3000
/** Commands count from 1; this is where the ready line goes. */
const readyId = 0

/** One foreign peer's process and the control protocol: a JSON object per line each way, answers matched by id. */
export class PeerProcess {
  readonly ready: Promise<Fields>
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #exited: Promise<void>
  readonly #pending = new Map<number, Pending>()
  #log = ''
  #lastId = readyId
  #ended = false

  constructor(binary: string, args: readonly string[], env: Record<string, string>, onLog?: (text: string) => void) {
    this.#child = spawn(binary, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString()).slice(-keptLog)
      onLog?.(chunk.toString())
    })
    // Writing to a peer that just died fails here; the exit reports it to everyone who waits.
    this.#child.stdin.on('error', () => {})

    this.ready = new Promise((resolve, reject) => this.#pending.set(readyId, { resolve, reject }))
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#onLine(line))

    this.#exited = new Promise((resolve) => {
      const end = (reason: string): void => {
        this.#ended = true
        for (const { reject } of this.#pending.values()) reject(new Error(`the peer ${reason}\n${this.#log}`))
        this.#pending.clear()
        resolve()
      }
      this.#child.once('error', (error) => end(`could not be started: ${error.message}`))
      this.#child.once('close', (code, signal) => end(`exited with ${code ?? signal}`))
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  async command(name: string, fields: Fields, timeoutMs: number, signal?: AbortSignal): Promise<Fields> {
    signal?.throwIfAborted()
    if (this.#ended) throw new Error(`the peer has exited\n${this.#log}`)
    const id = ++this.#lastId
    // The peer keeps the limit too, and then says what it was waiting for, so ours comes a little later.
    const limit = AbortSignal.timeout(timeoutMs + 2000)
    const either = signal === undefined ? limit : AbortSignal.any([limit, signal])
    const done = new AbortController()
    try {
      return await new Promise<Fields>((resolve, reject) => {
        either.addEventListener('abort', () => reject(either.reason), { signal: done.signal })
        this.#pending.set(id, { resolve, reject })
        this.#child.stdin.write(`${JSON.stringify({ ...fields, id, cmd: name, timeoutMs })}\n`)
      })
    } finally {
      done.abort()
      this.#pending.delete(id)
    }
  }

  /** Closes stdin, which ends the peer, and kills it should it not take the hint. */
  async stop(): Promise<void> {
    this.#child.stdin.end()
    const hint = setTimeout(() => this.#child.kill('SIGKILL'), gracefulExitMs)
    await this.#exited
    clearTimeout(hint)
  }

  #onLine(line: string): void {
    let answer: Fields
    try {
      answer = JSON.parse(line) as Fields
    } catch {
      this.#log += `unreadable answer: ${line.slice(0, 200)}`
      this.#child.kill('SIGKILL') // which fails everything that waits
      return
    }
    const id = answer['event'] === 'ready' ? readyId : Number(answer['id'])
    const pending = this.#pending.get(id) // absent if the caller has given up
    this.#pending.delete(id)
    if (id === readyId || answer['ok'] === true) pending?.resolve(answer)
    else pending?.reject(new Error(String(answer['error'])))
  }
}
