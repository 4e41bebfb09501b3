import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from '@peerloom/conformance'

const run = promisify(execFile)

/** Why no network segment can be made here; undefined when one can. */
export async function whyNoLan(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root'
  const name = `pl${process.pid}`
  try {
    await run('ip', ['netns', 'add', name])
    await run('ip', ['netns', 'exec', name, 'ip', 'link', 'add', 'try', 'type', 'bridge'])
    return undefined
  } catch (error) {
    return `no network namespace: ${(error as Error).message.trim()}`
  } finally {
    await run('ip', ['netns', 'del', name]).catch(() => {})
  }
}

export interface MachineOptions {
  /** Default true. */
  readonly ip4?: boolean
  /** False: the machine has no cable until `plugIn`. Default true. */
  readonly pluggedIn?: boolean
}

let made = 0

/** A network segment of its own: a bridge, and machines at it, each a network namespace. */
export class Lan {
  readonly #prefix: string
  readonly #machines: Machine[] = []

  private constructor(prefix: string) {
    this.#prefix = prefix
  }

  static async create(): Promise<Lan> {
    const lan = new Lan(`pl${process.pid}-${made++}`)
    await run('ip', ['netns', 'add', lan.hub])
    await lan.inside(lan.hub, 'ip link add br0 type bridge mcast_snooping 0 && ip link set br0 up')
    return lan
  }

  get hub(): string {
    return `${this.#prefix}-hub`
  }

  async machine(options: MachineOptions = {}): Promise<Machine> {
    const number = this.#machines.length + 1
    const machine = new Machine(this, `${this.#prefix}-${number}`, number, options)
    this.#machines.push(machine)
    await run('ip', ['netns', 'add', machine.namespace])
    await this.inside(machine.namespace, 'ip link set lo up')
    if (options.pluggedIn !== false) await machine.plugIn()
    return machine
  }

  async inside(namespace: string, script: string): Promise<string> {
    return (await run('ip', ['netns', 'exec', namespace, 'sh', '-ec', script])).stdout
  }

  async close(): Promise<void> {
    await Promise.all(this.#machines.map((machine) => machine.close()))
    for (const name of [...this.#machines.map(({ namespace }) => namespace), this.hub]) {
      await run('ip', ['netns', 'del', name]).catch(() => {})
    }
  }
}

export class Machine {
  readonly namespace: string
  readonly ip4: string
  readonly ip6: string
  readonly #lan: Lan
  readonly #number: number
  readonly #options: MachineOptions
  readonly #programs: Program[] = []
  #folder: string | undefined

  constructor(lan: Lan, namespace: string, number: number, options: MachineOptions) {
    this.#lan = lan
    this.namespace = namespace
    this.#number = number
    this.#options = options
    this.ip4 = `10.77.0.${number}`
    this.ip6 = `fd77::${number}`
  }

  async plugIn(): Promise<void> {
    const port = `m${this.#number}`
    await this.#lan.inside(
      this.#lan.hub,
      `ip link add ${port} type veth peer name eth0 netns ${this.namespace} && ip link set ${port} master br0 up`
    )
    const four = `ip addr add ${this.ip4}/24 dev eth0`
    await this.run(`
      echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
      ${this.#options.ip4 === false ? '' : four}
      ip -6 addr add ${this.ip6}/64 dev eth0 nodad
      ip link set eth0 up
      ${this.#options.ip4 === false ? '' : 'ip route add 224.0.0.0/4 dev eth0'}
    `)
  }

  run(script: string): Promise<string> {
    return this.#lan.inside(this.namespace, script)
  }

  /** Starts a program here; it ends with the test at the latest. */
  start(command: string, args: readonly string[]): Program {
    const program = new Program('ip', ['netns', 'exec', this.namespace, command, ...args])
    this.#programs.push(program)
    return program
  }

  /** Starts a script of the folder `machines`, and waits until it is ready. */
  async node(script: string, options: object): Promise<Program> {
    const file = fileURLToPath(new URL(`machines/${script}`, import.meta.url))
    const program = this.start(process.execPath, ['--conditions=@peerloom/source', file, JSON.stringify(options)])
    await program.event('ready')
    return program
  }

  /** Starts the Avahi daemon, with a message bus of its own. Its tools are run with `avahi`. */
  async startAvahi(): Promise<Program> {
    this.#folder = await mkdtemp(join(tmpdir(), 'avahi-'))
    const config = join(this.#folder, 'avahi-daemon.conf')
    await writeFile(config, '[server]\nallow-interfaces=eth0\n[publish]\n[wide-area]\nenable-wide-area=no\n[rlimits]\n')
    // `ip netns exec` brings a mount namespace along, so that /run can be one for these two.
    const script = `
      mount -t tmpfs tmpfs /run
      mkdir /run/dbus /run/avahi-daemon
      dbus-daemon --system --nofork --nopidfile --address=unix:path=/run/dbus/system_bus_socket &
      bus=$!
      trap 'kill $bus' EXIT
      while ! [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
      avahi-daemon --no-drop-root --no-chroot -f ${config} 2>&1 &
      daemon=$!
      trap 'kill $daemon $bus' EXIT
      echo '{"event":"pid","pid":'$$'}'
      read end
    `
    const program = this.start('bash', ['-c', script])
    await program.event('pid')
    await until('Avahi runs', () => program.output.includes('Server startup complete'))
    return program
  }

  avahi(daemon: Program, command: string, args: readonly string[]): Program {
    const pid = String(daemon.events.find(({ event }) => event === 'pid')?.['pid'])
    const program = new Program('nsenter', ['-t', pid, '-m', '-n', command, ...args])
    this.#programs.push(program)
    return program
  }

  async close(): Promise<void> {
    for (const program of this.#programs.toReversed()) await program.stop()
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }
}

export interface ProgramEvent {
  readonly event: string
  readonly [field: string]: unknown
}

/** A process that tells what happens in lines of JSON, and ends with its standard input. */
export class Program {
  readonly events: ProgramEvent[] = []
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  /** Everything it printed that was no event. */
  output = ''
  #running = true
  #asked = 0

  constructor(command: string, args: readonly string[]) {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{') && line.includes('"event":')) this.events.push(JSON.parse(line) as ProgramEvent)
      else this.output += `${line}\n`
    })
    child.stderr.on('data', (text: Buffer) => {
      this.output += text.toString()
    })
    child.stdin.on('error', () => {})
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#running = false
        resolve()
      }
      child.once('error', end)
      child.once('close', end)
    })
  }

  async event(name: string, is: (event: ProgramEvent) => boolean = () => true): Promise<ProgramEvent> {
    const find = (): ProgramEvent | undefined => this.events.find((one) => one.event === name && is(one))
    await until(
      `${name}; so far ${JSON.stringify(this.events)} ${this.output}`,
      () => {
        if (!this.#running && find() === undefined) throw new Error(`ended without ${name}: ${this.output}`)
        return find() !== undefined
      },
      15_000
    )
    return find() as ProgramEvent
  }

  /** Gives a command to a peer of another implementation; its answer, as it came. */
  async ask(command: string): Promise<string> {
    const id = ++this.#asked
    this.#child.stdin?.write(`${JSON.stringify({ id, cmd: command, timeoutMs: 5000 })}\n`)
    const answer = new RegExp(`^.*"id":${id}[,}].*$`, 'm')
    await until(`an answer to ${command}`, () => !this.#running || answer.test(this.output))
    return answer.exec(this.output)?.[0] ?? ''
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end()
    const hint = setTimeout(() => this.#child.kill('SIGTERM'), 3000)
    const last = setTimeout(() => this.#child.kill('SIGKILL'), 6000)
    await this.ended
    clearTimeout(hint)
    clearTimeout(last)
  }
}
