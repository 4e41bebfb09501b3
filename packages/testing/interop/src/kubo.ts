import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildForeignPeer } from './peer-build.ts'
import type { StackName } from './stacks.ts'

const startTimeoutMs = 60_000
const commandTimeoutMs = 30_000
const keptOutput = 8192

const settings: Readonly<Record<string, unknown>> = {
  'Addresses.API': '/ip4/127.0.0.1/tcp/0',
  'Addresses.Gateway': [],
  'Addresses.Swarm': [
    '/ip4/127.0.0.1/tcp/0',
    '/ip4/127.0.0.1/tcp/0/ws',
    '/ip4/127.0.0.1/udp/0/quic-v1',
    '/ip4/127.0.0.1/udp/0/quic-v1/webtransport',
    '/ip4/127.0.0.1/udp/0/webrtc-direct'
  ],
  // Nothing that leaves the machine, and nothing in the background.
  'AutoConf.Enabled': false,
  'AutoTLS.Enabled': false,
  Bootstrap: [],
  'Discovery.MDNS.Enabled': false,
  'DNS.Resolvers': {},
  'Ipns.DelegatedPublishers': [],
  'Provide.Enabled': false,
  'Routing.Type': 'none',
  'Routing.DelegatedRouters': [],
  'Swarm.DisableNatPortMap': true,
  'Swarm.EnableHolePunching': false,
  'Swarm.RelayClient.Enabled': false,
  'Swarm.RelayService.Enabled': false,
  'Swarm.Transports.Network.WebRTCDirect': true,
  'Swarm.Transports.Network.Websocket': true
}

/** A kubo daemon in a repository of its own, alone on 127.0.0.1. */
/** What kubo speaks, and is tested on. */
export const kuboColumns: readonly StackName[] = [
  'tcp',
  'ws',
  'quic-v1',
  'quic-v1 quiche',
  'webtransport',
  'webrtc-direct v1'
]

export interface Kubo extends AsyncDisposable {
  readonly peerId: string
  readonly version: string
  /** With /p2p. */
  readonly addresses: readonly string[]
  connect(address: string): Promise<void>
  disconnect(address: string): Promise<void>
  /** Round trips that came back. */
  ping(peer: string, count: number): Promise<number>
  /** Addresses of the connections to a peer. */
  connections(peer: string): Promise<readonly string[]>
  stop(): Promise<void>
}

/** Undefined, after a line that says so, when kubo is not in the cache. */
export async function startKubo(): Promise<Kubo | undefined> {
  const onlyCached = process.env['PEERLOOM_BUILD_PEERS'] !== '1'
  const binary = await buildForeignPeer('kubo', { onlyCached })
  if (binary === undefined) return undefined
  const repository = await mkdtemp(join(tmpdir(), 'peerloom-kubo-'))
  const env = { ...process.env, IPFS_PATH: repository, IPFS_TELEMETRY: 'off' }
  const ipfs = (...args: readonly string[]): Promise<string> => run(binary, args, env)
  let daemon: ChildProcess | undefined
  try {
    await ipfs('init', '--profile=test', '--empty-repo')
    for (const [name, value] of Object.entries(settings)) await ipfs('config', '--json', name, JSON.stringify(value))
    daemon = spawn(binary, ['daemon', '--migrate=false'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    await ready(daemon)
    const { ID, Addresses, AgentVersion } = JSON.parse(await ipfs('id')) as Record<'ID' | 'AgentVersion', string> & {
      readonly Addresses: readonly string[]
    }
    const process_ = daemon
    const stop = (): Promise<void> => end(process_, repository)
    return {
      peerId: ID,
      version: AgentVersion.split('/').slice(0, 2).join('/'),
      addresses: Addresses,
      connect: async (address) => void (await ipfs('swarm', 'connect', address)),
      disconnect: async (address) => void (await ipfs('swarm', 'disconnect', address)),
      ping: async (peer, count) => {
        const output = await ipfs('ping', '-n', String(count), `/p2p/${peer}`)
        return output.split('\n').filter((line) => line.startsWith('Pong received')).length
      },
      connections: async (peer) => {
        const lines = (await ipfs('swarm', 'peers')).split('\n')
        return lines.filter((line) => line.includes(peer))
      },
      stop,
      [Symbol.asyncDispose]: stop
    }
  } catch (error) {
    await end(daemon, repository)
    throw error
  }
}

async function ready(daemon: ChildProcess): Promise<void> {
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string): void => reject(new Error(`kubo ${reason}:\n${output}`))
    const limit = setTimeout(() => fail('is not ready in time'), startTimeoutMs)
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-keptOutput)
      if (!output.includes('Daemon is ready')) return
      clearTimeout(limit)
      resolve()
    }
    daemon.stdout?.on('data', collect)
    daemon.stderr?.on('data', collect)
    daemon.once('error', (error) => fail(`could not be started, ${error.message}`))
    daemon.once('exit', (code) => {
      clearTimeout(limit)
      fail(`ended with ${code}`)
    })
  })
}

async function end(daemon: ChildProcess | undefined, repository: string): Promise<void> {
  if (daemon !== undefined && daemon.exitCode === null && daemon.signalCode === null) {
    const ended = new Promise((resolve) => daemon.once('exit', resolve))
    daemon.kill('SIGTERM')
    const hint = setTimeout(() => daemon.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(hint)
  }
  await rm(repository, { recursive: true, force: true })
}

async function run(binary: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(binary, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: commandTimeoutMs })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-keptOutput)))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output)
      else reject(new Error(`ipfs ${args.join(' ')} ended with ${code ?? signal}: ${errors.trim()}`))
    })
  })
}
