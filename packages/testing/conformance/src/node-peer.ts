/** The other side of a browser test: a script that serves in a Node process. */
import { createInterface } from 'node:readline'

export interface PeerQuestion {
  readonly id: number
  readonly name: string
  readonly args: readonly unknown[]
}

export interface PeerAnswer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

const answer = (line: PeerAnswer): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

/**
 * Tells the test that this process is up, with what it needs to know (addresses, say), answers its questions, and calls
 * `stop` when the test is over. Everything crosses as JSON.
 *
 * ```ts
 * const node = await createNode(…)
 * servePeer({ addresses: node.multiaddrs().map(String) }, { connections: () => node.connections.list().length }, () => node.stop())
 * ```
 */
export function servePeer(
  told: unknown,
  // oxlint-disable-next-line typescript/no-explicit-any -- arguments are what the test gives
  questions: Readonly<Record<string, (...args: any[]) => unknown>>,
  stop: () => Promise<void>
): void {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    const { id, name, args } = JSON.parse(line) as PeerQuestion
    void (async () => {
      try {
        const asked = questions[name]
        if (asked === undefined) throw new Error(`no question ${name}`)
        answer({ id, value: await asked(...args) })
      } catch (error) {
        answer({ id, error: String(error) })
      }
    })()
  })
  // Also when the test runner is gone.
  lines.on('close', () => void stop().then(() => process.exit(0)))
  answer({ id: 0, value: told })
}
