import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

export interface PeerProcess {
  readonly address: Multiaddr
  readonly port: number
  readonly exitCode: number | null
  readonly signalCode: string | null
  /** What it knows of itself; rejects when it is dead. */
  state(): Promise<{ readonly connections: number; readonly rss: number }>
  /** Resolves with its exit code when it has ended by itself. */
  stop(): Promise<number | null>
}

/** Starts a script beside this one that says its address and answers lines. */
export async function startPeer(script: string, ...args: readonly string[]): Promise<PeerProcess> {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@peerloom/source', file, ...args], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const lines = createInterface({ input: child.stdout })
  const exited = once(child, 'exit').then(() => undefined)
  const nextLine = async (): Promise<string> => {
    const line = await Promise.race([once(lines, 'line'), exited])
    if (line === undefined) throw new Error(`the peer is dead: code ${child.exitCode}, signal ${child.signalCode}`)
    return String(line[0])
  }
  const address = multiaddr(await nextLine())
  return {
    address,
    port: Number(address.getComponents().find(({ name }) => name === 'udp')?.value),
    get exitCode() {
      return child.exitCode
    },
    get signalCode() {
      return child.signalCode
    },
    state: async () => {
      const answer = nextLine()
      child.stdin.write('\n')
      return JSON.parse(await answer)
    },
    stop: async () => {
      child.stdin.end()
      await exited
      return child.exitCode
    }
  }
}
