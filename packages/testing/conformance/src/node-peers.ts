/** Node processes for tests in a browser: commands of the test runner, which runs this. */
import { type ChildProcess, spawn } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { PeerAnswer, PeerQuestion } from './node-peer.ts'

const startTimeoutMs = 30_000

interface CommandContext {
  readonly testPath: string | undefined
}

class NodePeer {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #next = 1

  constructor(script: string) {
    this.#child = spawn(process.execPath, ['--conditions=@peerloom/source', script], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${script} ended with ${code}`))
      this.#waiting.clear()
    })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const { id, value, error } = JSON.parse(line) as PeerAnswer
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(value)
      else waiting?.reject(new Error(error))
    })
  }

  /** The answer to question 0 is what it tells when it is up. */
  async started(): Promise<unknown> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), startTimeoutMs)
    try {
      return await this.#answer(0)
    } finally {
      clearTimeout(timer)
    }
  }

  ask(name: string, args: readonly unknown[]): Promise<unknown> {
    const id = this.#next++
    const answer = this.#answer(id)
    this.#child.stdin?.write(`${JSON.stringify({ id, name, args } satisfies PeerQuestion)}\n`)
    return answer
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolved) => this.#child.once('exit', resolved))
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
    this.#child.stdin?.end()
    await ended
    clearTimeout(timer)
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolved, reject) => this.#waiting.set(id, { resolve: resolved, reject }))
  }
}

const peers = new Map<number, NodePeer>()
let next = 1

/** For `test.browser.commands`. What tests call is `nodePeer` of `@peerloom/conformance/browser`. */
export const nodePeerCommands = {
  /** Starts a script that lies beside the test. */
  async startNodePeer(context: CommandContext, script: string): Promise<{ id: number; told: unknown }> {
    const peer = new NodePeer(resolve(dirname(context.testPath ?? ''), script))
    const id = next++
    peers.set(id, peer)
    return { id, told: await peer.started() }
  },
  async askNodePeer(_context: CommandContext, id: number, name: string, args: readonly unknown[]): Promise<unknown> {
    return peers.get(id)?.ask(name, args)
  },
  async stopNodePeer(_context: CommandContext, id: number): Promise<void> {
    await peers.get(id)?.stop()
    peers.delete(id)
  }
}
