import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync } from 'node:fs'
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir, setPriority } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What runs in a process and speaks our control protocol. */
export type ForeignPeerKind = 'go' | 'rust'
/** Everything that is built: also kubo, and the npm packages too heavy for the lock file of the workspace. */
export type BuildKind = ForeignPeerKind | 'npm' | 'kubo'

export interface BuildOptions {
  readonly signal?: AbortSignal
  /** Take what the cache has, and build nothing. Default false. */
  readonly onlyCached?: boolean
  /** Called with what the toolchain prints. Default: nothing is shown unless the build fails. */
  readonly onLog?: (text: string) => void
}

/** A cold build of kubo or of the Rust peer takes ten minutes on two cores; a slow machine gets this long. */
const buildTimeoutMs = 40 * 60_000
const keptOutput = 8192

interface Recipe {
  /** For messages. */
  readonly name: string
  readonly command: string
  /** What decides whether a build is still the right one. */
  readonly sources: readonly string[]
  /** What a finished build has. */
  readonly artifact: string
  /** Builds into the folder `out` of `work`. */
  build(directory: string, work: string, cache: string, options: BuildOptions): Promise<void>
}

const recipes: Record<BuildKind, Recipe> = {
  go: {
    name: 'Go peer',
    command: 'go',
    sources: ['go.mod', 'go.sum', '*.go'],
    artifact: 'peer',
    build: (directory, work, _cache, options) => buildGo(directory, '.', join(work, 'out', 'peer'), options)
  },
  rust: {
    name: 'Rust peer',
    command: 'cargo',
    sources: ['Cargo.toml', 'Cargo.lock', 'src/**/*.rs'],
    artifact: 'peer',
    build: (directory, work, cache, options) => buildRust(directory, work, join(cache, 'rust-target'), options)
  },
  npm: {
    name: 'QUIC and WebRTC of js-libp2p',
    command: 'npm',
    sources: ['package.json', 'package-lock.json'],
    artifact: 'node_modules',
    build: async (directory, work, _cache, options) => {
      const target = join(work, 'out')
      for (const file of recipes.npm.sources) await cp(join(directory, file), join(target, file))
      // Not `ci`: registries that lack packages for other platforms leave the lock file without them, which ci refuses.
      await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], target, {}, options)
    }
  },
  kubo: {
    name: 'kubo',
    command: 'go',
    sources: ['go.mod', 'go.sum', '*.go'],
    artifact: 'ipfs',
    build: (directory, work, _cache, options) =>
      buildGo(directory, 'github.com/ipfs/kubo/cmd/ipfs', join(work, 'out', 'ipfs'), options)
  }
}

/**
 * Path of what was built, built first unless the cache already has it for these sources. Where the toolchain is missing
 * the answer is undefined, after a line that says so.
 */
export async function buildForeignPeer(kind: BuildKind, options: BuildOptions = {}): Promise<string | undefined> {
  options.signal?.throwIfAborted()
  const recipe = recipes[kind]
  const directory = fileURLToPath(new URL(`../peers/${kind}`, import.meta.url))
  const cache = join(process.env['PEERLOOM_CACHE'] ?? join(homedir(), '.cache', 'peerloom'), 'foreign-peers')
  const target = join(cache, `${kind}-${await sourceKey(kind, directory)}`)
  const artifact = join(target, recipe.artifact)
  if (await exists(artifact)) return artifact
  if (options.onlyCached === true) {
    console.warn(`SKIPPED: the ${recipe.name} is not built, its rows do not run (pnpm interop builds it)`)
    return undefined
  }

  await mkdir(cache, { recursive: true })
  // Every build has a folder of its own, which becomes the cache entry by a rename: nobody sees half a binary.
  const work = await mkdtemp(join(cache, '.build-'))
  try {
    const signals = [AbortSignal.timeout(buildTimeoutMs), ...(options.signal === undefined ? [] : [options.signal])]
    const running = { ...options, signal: AbortSignal.any(signals) }
    await mkdir(join(work, 'out'))
    await recipe.build(directory, work, cache, running)
    await rename(join(work, 'out'), target).catch(async (error: unknown) => {
      if (!(await exists(artifact))) throw error // else another process was faster, with the same sources
    })
    return artifact
  } catch (error) {
    if (!isMissingCommand(error)) throw error
    sayOnce(`SKIPPED: ${recipe.command} is not on PATH, the rows of the ${recipe.name} do not run`)
    return undefined
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function buildGo(directory: string, main: string, output: string, options: BuildOptions): Promise<void> {
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags=-s -w']
  await run('go', ['build', ...flags, '-o', output, main], directory, { CGO_ENABLED: '0', GOWORK: 'off' }, options)
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

async function sourceKey(kind: BuildKind, directory: string): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  for (const file of sourceFiles(kind, directory)) {
    const content = await readFile(join(directory, file))
    hash.update(`${file} ${content.byteLength}\n`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}

function sourceFiles(kind: BuildKind, directory: string): readonly string[] {
  return globSync([...recipes[kind].sources], { cwd: directory }).toSorted()
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
