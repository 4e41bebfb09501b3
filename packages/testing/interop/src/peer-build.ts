import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync } from 'node:fs'
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir, setPriority } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type ForeignPeerKind = 'go' | 'rust'

export interface BuildOptions {
  readonly signal?: AbortSignal
  /** Take what the cache has, and build nothing. Default false. */
  readonly onlyCached?: boolean
  /** Called with what the toolchain prints. Default: nothing is shown unless the build fails. */
  readonly onLog?: (text: string) => void
}

/** A cold Rust build takes two to three minutes on two cores; a slow machine gets this long. */
const buildTimeoutMs = 30 * 60_000
const keptOutput = 8192
const sources = {
  go: ['go.mod', 'go.sum', '*.go'],
  rust: ['Cargo.toml', 'Cargo.lock', 'src/**/*.rs']
} as const
const toolchains = { go: { command: 'go', name: 'Go' }, rust: { command: 'cargo', name: 'Rust' } } as const

/**
 * Path of a peer's binary, built first unless the cache already has one for these sources. Where the toolchain is
 * missing the answer is undefined, after a line that says so.
 */
export async function buildForeignPeer(kind: ForeignPeerKind, options: BuildOptions = {}): Promise<string | undefined> {
  options.signal?.throwIfAborted()
  const directory = fileURLToPath(new URL(`../peers/${kind}`, import.meta.url))
  const cache = join(process.env['PEERLOOM_CACHE'] ?? join(homedir(), '.cache', 'peerloom'), 'foreign-peers')
  const target = join(cache, `${kind}-${await sourceKey(kind, directory)}`)
  const binary = join(target, 'peer')
  if (await exists(binary)) return binary
  if (options.onlyCached === true) {
    console.warn(
      `SKIPPED: the ${toolchains[kind].name} peer is not built, its rows do not run (pnpm interop builds it)`
    )
    return undefined
  }

  await mkdir(cache, { recursive: true })
  // Every build has a folder of its own, which becomes the cache entry by a rename: nobody sees half a binary.
  const work = await mkdtemp(join(cache, '.build-'))
  try {
    const signals = [AbortSignal.timeout(buildTimeoutMs), ...(options.signal === undefined ? [] : [options.signal])]
    const running = { ...options, signal: AbortSignal.any(signals) }
    await mkdir(join(work, 'out'))
    if (kind === 'go') await buildGo(directory, join(work, 'out', 'peer'), running)
    else await buildRust(directory, work, join(cache, 'rust-target'), running)
    await rename(join(work, 'out'), target).catch(async (error: unknown) => {
      if (!(await exists(binary))) throw error // else another process was faster, with the same sources
    })
    return binary
  } catch (error) {
    if (!isMissingCommand(error)) throw error
    const { command, name } = toolchains[kind]
    sayOnce(`SKIPPED: ${command} is not on PATH, the ${name} peer rows do not run`)
    return undefined
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function buildGo(directory: string, output: string, options: BuildOptions): Promise<void> {
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags=-s -w']
  await run('go', ['build', ...flags, '-o', output, '.'], directory, { CGO_ENABLED: '0', GOWORK: 'off' }, options)
}

/**
 * All Rust builds share one target folder, so that a change of our sources does not rebuild the dependencies. Cargo
 * serialises builds there but not the copying of results; a binary name per build keeps those apart.
 */
async function buildRust(directory: string, work: string, targets: string, options: BuildOptions): Promise<void> {
  const name = `peer-${basename(work).replaceAll(/[^a-zA-Z0-9]/g, '')}`
  const staged = join(work, 'src')
  for (const file of sourceFiles('rust', directory)) await cp(join(directory, file), join(staged, file))
  const manifest = await readFile(join(staged, 'Cargo.toml'), 'utf8')
  await writeFile(join(staged, 'Cargo.toml'), manifest.replace('name = "peer"', `name = "${name}"`))
  await run('cargo', ['build', '--release', '--locked'], staged, { CARGO_TARGET_DIR: targets }, options)
  await copyFile(join(targets, 'release', name), join(work, 'out', 'peer'))
  await rm(join(targets, 'release', name))
}

async function sourceKey(kind: ForeignPeerKind, directory: string): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  for (const file of sourceFiles(kind, directory)) {
    const content = await readFile(join(directory, file))
    hash.update(`${file} ${content.byteLength}\n`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}

function sourceFiles(kind: ForeignPeerKind, directory: string): readonly string[] {
  return globSync([...sources[kind]], { cwd: directory }).toSorted()
}

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
  options: BuildOptions
): Promise<void> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.signal === undefined ? {} : { signal: options.signal })
  })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-keptOutput)
    options.onLog?.(chunk.toString())
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  yieldToOthers(child.pid)
  await new Promise<void>((resolve, reject) => {
    child.once('error', (error) => {
      if (child.pid === undefined) reject(error) // else it has been aborted, and its end follows
    })
    child.once('close', (code) => {
      if (options.signal?.aborted === true) reject(options.signal.reason)
      else if (code === 0) resolve()
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`))
    })
  })
}

/** A build uses every core for minutes; whatever else the machine does comes first. */
function yieldToOthers(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    setPriority(pid, 10)
  } catch {
    // It may have ended already, or the system may not allow it. Then the build is merely less polite.
  }
}

function isMissingCommand(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'code' in error && error.code === 'ENOENT'
    ? String(error.syscall).startsWith('spawn')
    : false
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
}

const said = new Set<string>()
function sayOnce(line: string): void {
  if (!said.has(line)) console.warn(line)
  said.add(line)
}
