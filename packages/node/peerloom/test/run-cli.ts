import { until } from '@peerloom/conformance'
import { spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'

const script = new URL('../src/cli.ts', import.meta.url).pathname

export interface Run {
  /** Lines on standard output so far. */
  lines(): string[]
  errors(): string
  /** Waits until it ends by itself; gives its exit code. */
  ended(): Promise<number | null>
  /** Asks it to end, as Ctrl-C does. */
  interrupt(): void
}

/** Runs the command line in a process of its own, which ends with the test at the latest. */
export function peerloom(...args: string[]): Run {
  const child = spawn(process.execPath, ['--conditions=@peerloom/source', script, ...args])
  onTestFinished(() => void child.kill('SIGKILL'))
  let [output, errors] = ['', '']
  let code: number | null | undefined
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()))
  child.on('close', (status) => (code = status))
  return {
    lines: () => output.trim().split('\n'),
    errors: () => errors,
    interrupt: () => void child.kill('SIGINT'),
    ended: async () => {
      await until(`peerloom ${args.join(' ')} ends`, () => code !== undefined, 15_000)
      return code as number | null
    }
  }
}
