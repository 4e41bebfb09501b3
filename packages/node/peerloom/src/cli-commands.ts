import { createNode, type Node, type Services } from '@peerloom/core'
import { identify } from '@peerloom/identify'
import { generateKey, peerIdFromPrivateKey, privateKeyFromProtobuf } from '@peerloom/identity'
import { type Connection, type IdentifyResult, PeerloomError, type PrivateKey } from '@peerloom/interface'
import { noise } from '@peerloom/noise'
import { perf } from '@peerloom/perf'
import { ping } from '@peerloom/ping'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import { readFile, writeFile } from 'node:fs/promises'
import type { Arguments } from './cli-arguments.ts'

/** Shows one thing: a line of text for people, an object for programs. */
export type Say = (text: string, data: Record<string, unknown>) => void

const services = () => ({ identify: identify(), ping: ping(), perf: perf() })
type CliNode = Node<Services<ReturnType<typeof services>>>

async function loadKey(file: string | undefined): Promise<PrivateKey> {
  if (file === undefined) return generateKey()
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
    const key = await generateKey()
    await writeFile(file, `${Buffer.from(key.protobuf).toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
    return key
  }
  return privateKeyFromProtobuf(Buffer.from(text.trim(), 'base64'))
}

async function start(args: Arguments, listen: readonly string[]): Promise<CliNode> {
  return createNode({
    privateKey: await loadKey(args.key),
    addresses: { listen },
    transports: [tcp()],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    services: services()
  })
}

async function withConnection(
  args: Arguments,
  use: (node: CliNode, connection: Connection) => Promise<void>
): Promise<void> {
  const node = await start(args, [])
  try {
    await use(node, await node.dial(args.target ?? '', { timeoutMs: args.timeoutMs }))
  } finally {
    await node.stop()
  }
}

const who = (known: IdentifyResult): Record<string, unknown> => ({
  agent: known.agentVersion,
  protocols: known.protocols,
  addresses: known.listenAddresses.map(String),
  observed: known.observedAddress?.toString()
})

async function runId(args: Arguments, say: Say): Promise<void> {
  const key = await loadKey(args.key)
  const peer = peerIdFromPrivateKey(key)
  say(peer.toString(), { peer: peer.toString(), cid: peer.toCid(), type: key.type })
}

async function runListen(args: Arguments, say: Say, until: AbortSignal): Promise<void> {
  const node = await start(args, args.listen)
  try {
    for (const address of node.multiaddrs()) say(`listening on ${address}`, { listening: address.toString() })
    const met = new WeakSet<Connection>()
    node.events.on('peer:identify', (known) => {
      if (met.has(known.connection)) return // a push: it was here before
      met.add(known.connection)
      say(`${known.peerId} is here: ${known.agentVersion ?? 'unknown agent'}`, {
        peer: known.peerId.toString(),
        ...who(known)
      })
    })
    node.events.on('peer:disconnect', (peer) => say(`${peer} has left`, { left: peer.toString() }))
    await new Promise<void>((resolve) => {
      if (until.aborted) resolve()
      else until.addEventListener('abort', () => resolve(), { once: true })
    })
  } finally {
    await node.stop()
  }
}

async function runDial(args: Arguments, say: Say): Promise<void> {
  const started = performance.now()
  await withConnection(args, async (node, connection) => {
    const connectedMs = performance.now() - started
    const known = await node.services.identify.identify(connection)
    const { remotePeer, security, muxer, transport } = connection
    say(
      [
        `peer      ${remotePeer}`,
        `agent     ${known.agentVersion ?? 'unknown'}`,
        `address   ${connection.remoteAddress}`,
        `secured   ${security} over ${transport}, ${muxer}${connection.earlyMuxer ? ' (agreed in the handshake)' : ''}`,
        `protocols ${known.protocols.join(' ')}`,
        `connected in ${connectedMs.toFixed(1)} ms`
      ].join('\n'),
      { peer: remotePeer.toString(), security, muxer, transport, connectedMs, ...who(known) }
    )
  })
}

async function runPing(args: Arguments, say: Say): Promise<void> {
  await withConnection(args, async (node, connection) => {
    const times: number[] = []
    for (let sent = 0; sent < args.count; sent++) {
      if (sent > 0) await new Promise((resolve) => setTimeout(resolve, args.intervalMs))
      const rttMs = await node.services.ping.ping(connection)
      times.push(rttMs)
      say(`${connection.remotePeer}: ${rttMs.toFixed(3)} ms`, { rttMs })
    }
    const mean = times.reduce((sum, time) => sum + time, 0) / times.length
    const [least, most] = [Math.min(...times), Math.max(...times)]
    say(`least ${least.toFixed(3)}, mean ${mean.toFixed(3)}, most ${most.toFixed(3)} ms`, { least, mean, most })
  })
}

async function runPerf(args: Arguments, say: Say): Promise<void> {
  await withConnection(args, async (node, connection) => {
    const bytes = args.mebibytes * 1024 * 1024
    for (const [name, up, down] of [
      ['upload', bytes, 0],
      ['download', 0, bytes]
    ] as const) {
      const started = performance.now()
      await node.services.perf.run(connection, { uploadBytes: up, downloadBytes: down })
      const seconds = (performance.now() - started) / 1000
      say(`${name.padEnd(8)} ${(args.mebibytes / seconds).toFixed(1)} MiB/s`, {
        direction: name,
        mebibytes: args.mebibytes,
        seconds
      })
    }
  })
}

async function runInspect(args: Arguments, say: Say): Promise<void> {
  await withConnection(args, async (node, connection) => {
    await node.services.identify.identify(connection)
    const snapshot = node.inspect()
    say(JSON.stringify(snapshot, undefined, 2), { ...snapshot })
  })
}

export async function run(args: Arguments, say: Say, until: AbortSignal): Promise<void> {
  switch (args.command) {
    case 'id':
      return runId(args, say)
    case 'listen':
      return runListen(args, say, until)
    case 'dial':
      return runDial(args, say)
    case 'ping':
      return runPing(args, say)
    case 'perf':
      return runPerf(args, say)
    case 'inspect':
      return runInspect(args, say)
    default:
      throw new PeerloomError('ERR_INVALID_ARGUMENT', `there is no command ${args.command}`)
  }
}
