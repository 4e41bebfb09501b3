import { PeerloomError } from '@peerloom/interface'
import { parseArgs } from 'node:util'

export interface Arguments {
  readonly command: string
  readonly target: string | undefined
  readonly json: boolean
  readonly key: string | undefined
  readonly listen: readonly string[]
  readonly count: number
  readonly intervalMs: number
  readonly mebibytes: number
  readonly timeoutMs: number
}

export const help = `peerloom: a peer-to-peer node on the command line

  peerloom id [--key file]                 make an identity, or show the one in a file
  peerloom listen [--listen address]       listen, answer ping, identify and perf until Ctrl-C
  peerloom dial <address>                  connect and say who is there
  peerloom ping <address> [--count 4]      measure round trips
  peerloom perf <address> [--mib 64]       measure throughput both ways
  peerloom inspect <address>               connect, identify, show the node as data

  --key file        identity to use; made when the file is missing (default: a new one each time)
  --listen address  multiaddr to listen on, may be given several times (default /ip4/127.0.0.1/tcp/0)
  --interval ms     between two pings (default 1000)
  --timeout ms      bound on connecting (default 10000)
  --json            one JSON object a line, for programs
  --help            this text
`

const commands = new Set(['id', 'listen', 'dial', 'ping', 'perf', 'inspect'])
const needTarget = new Set(['dial', 'ping', 'perf', 'inspect'])

function numberOf(name: string, text: string, least: number): number {
  const value = Number(text)
  if (Number.isFinite(value) && value >= least) return value
  throw new PeerloomError('ERR_INVALID_ARGUMENT', `--${name} takes a number from ${least}, not ${JSON.stringify(text)}`)
}

/** Undefined asks for the help. Throws ERR_INVALID_ARGUMENT. */
export function parseCommandLine(args: readonly string[]): Arguments | undefined {
  let parsed
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        key: { type: 'string' },
        listen: { type: 'string', multiple: true },
        count: { type: 'string', default: '4' },
        interval: { type: 'string', default: '1000' },
        mib: { type: 'string', default: '64' },
        timeout: { type: 'string', default: '10000' }
      }
    })
  } catch (cause) {
    throw new PeerloomError('ERR_INVALID_ARGUMENT', (cause as Error).message, { cause })
  }
  const { values, positionals } = parsed
  const [command, target, ...rest] = positionals
  if (values.help || command === undefined || command === 'help') return undefined
  if (!commands.has(command)) throw new PeerloomError('ERR_INVALID_ARGUMENT', `there is no command ${command}`)
  if (needTarget.has(command) !== (target !== undefined) || rest.length > 0) {
    const wants = needTarget.has(command) ? 'one address' : 'no address'
    throw new PeerloomError('ERR_INVALID_ARGUMENT', `peerloom ${command} takes ${wants}`)
  }
  return {
    command,
    target,
    json: values.json,
    key: values.key,
    listen: values.listen ?? ['/ip4/127.0.0.1/tcp/0'],
    count: numberOf('count', values.count, 1),
    intervalMs: numberOf('interval', values.interval, 0),
    mebibytes: numberOf('mib', values.mib, 1),
    timeoutMs: numberOf('timeout', values.timeout, 1)
  }
}
