// Checks the package graph: layers only depend downwards, tsconfig references match package.json,
// and the root tsconfig and the README list every package. Run with --fix to rewrite the references.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** What each floor may depend on. Modules on one floor do not import each other. */
const protocolFloors = ['foundation']
const belowNode = [
  'foundation',
  'transports',
  'security',
  'muxers',
  'discovery',
  'routing',
  'pubsub',
  'nat',
  'protocols',
  'stores'
]
const layers: Record<string, readonly string[]> = {
  foundation: [],
  transports: protocolFloors,
  security: protocolFloors,
  muxers: protocolFloors,
  discovery: protocolFloors,
  routing: protocolFloors,
  pubsub: protocolFloors,
  nat: protocolFloors,
  protocols: protocolFloors,
  stores: protocolFloors,
  node: belowNode,
  testing: [...belowNode, 'node']
}

/** The exceptions inside a floor, each an order of its own: a package may depend on those before it. */
const stairs: readonly (readonly string[])[] = [
  [
    '@peerloom/addresses',
    '@peerloom/interface',
    '@peerloom/bounded',
    '@peerloom/streams',
    '@peerloom/identity',
    '@peerloom/sockets',
    '@peerloom/certificates',
    '@peerloom/quic-engine'
  ],
  ['@peerloom/pubsub', '@peerloom/floodsub', '@peerloom/gossipsub'],
  ['@peerloom/core', 'peerloom'],
  ['@peerloom/conformance', '@peerloom/simnet', '@peerloom/interop', '@peerloom/bench']
]

interface Package {
  readonly name: string
  readonly directory: string
  readonly layer: string
  readonly dependencies: readonly string[]
}

interface Manifest {
  readonly name: string
  readonly dependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
}

interface TsConfig {
  readonly references?: readonly { readonly path: string }[]
  readonly [key: string]: unknown
}

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T
const fix = process.argv.includes('--fix')
const problems: string[] = []

const packages = globSync('packages/*/*/package.json').map((path): Package => {
  const manifest = readJson<Manifest>(path)
  const all = { ...manifest.dependencies, ...manifest.peerDependencies }
  const directory = dirname(path)
  return {
    name: manifest.name,
    directory,
    layer: directory.split('/')[1] ?? '',
    dependencies: Object.keys(all).filter((name) => all[name]?.startsWith('workspace:'))
  }
})
const byName = new Map(packages.map((entry) => [entry.name, entry]))

function mayDependOn(from: Package, to: Package): boolean {
  if (layers[from.layer]?.includes(to.layer)) return true
  return stairs.some((stair) => stair.includes(to.name) && stair.indexOf(to.name) < stair.indexOf(from.name))
}

function checkReferences(path: string, wanted: readonly string[]): void {
  const config = readJson<TsConfig>(path)
  const references = wanted.map((reference) => ({ path: reference }))
  if (JSON.stringify(config.references ?? []) === JSON.stringify(references)) return
  if (fix) writeFileSync(path, `${JSON.stringify({ ...config, references }, null, 2)}\n`)
  else problems.push(`${path}: references do not match (run: node scripts/check-layers.ts --fix)`)
}

for (const entry of packages) {
  const targets = entry.dependencies.flatMap((name) => byName.get(name) ?? [])
  for (const target of targets) {
    if (!mayDependOn(entry, target)) {
      problems.push(`${entry.name} (${entry.layer}) must not depend on ${target.name} (${target.layer})`)
    }
  }
  checkReferences(
    join(entry.directory, 'tsconfig.json'),
    targets.map((target) => relative(entry.directory, target.directory))
  )
}
checkReferences('tsconfig.json', [...packages.map((entry) => entry.directory).sort(), 'tsconfig.test.json'])

const readme = readFileSync('README.md', 'utf8')
for (const { name, directory } of packages) {
  if (!readme.includes(`[\`${name}\`](${directory})`)) problems.push(`README.md does not list ${name} in ${directory}`)
}

for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
