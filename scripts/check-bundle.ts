// What a browser application has to load for a node: core, Noise, yamux and WebSockets.
// Built from the sources with the browser condition, minified, gzip -9.
import { build } from 'esbuild'
import { gzipSync } from 'node:zlib'

const budgetKiB = 60

const entry = `
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webSockets } from '@peerloom/websockets'
import { yamux } from '@peerloom/yamux'
globalThis.node = createNode({ transports: [webSockets()], connectionEncryption: [noise()], streamMuxers: [yamux()] })
`

/** Imported only when it is needed: a datastore's keys, the keychain, curves for old browsers. No part of the first load. */
const lazy = ['interface-datastore/key', '@noble/curves/*', '@peerloom/identity/stored-key']

interface Load {
  readonly minified: number
  readonly zipped: number
  /** Minified bytes by package. */
  readonly parts: ReadonlyMap<string, number>
}

/** The entry and what it imports statically, at any depth. */
async function firstLoad(external: string[]): Promise<Load> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: entry, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    external,
    splitting: true,
    outdir: 'bundle',
    write: false,
    metafile: true,
    conditions: ['@peerloom/source', 'browser'],
    logLevel: 'error'
  })
  const eager = new Set<string>()
  const visit = (path: string): void => {
    if (eager.has(path)) return
    eager.add(path)
    for (const { path: next, kind } of metafile.outputs[path]?.imports ?? []) {
      if (kind === 'import-statement') visit(next)
    }
  }
  const root = Object.keys(metafile.outputs).find((path) => path.endsWith('stdin.js'))
  if (root === undefined) throw new Error('the bundle has no entry')
  visit(root)

  let minified = 0
  let zipped = 0
  const parts = new Map<string, number>()
  for (const path of eager) {
    const file = outputFiles.find((one) => one.path.endsWith(`/${path}`))
    if (file === undefined) continue
    minified += file.contents.length
    zipped += gzipSync(file.contents, { level: 9 }).length
    for (const [input, { bytesInOutput }] of Object.entries(metafile.outputs[path]?.inputs ?? {})) {
      const part =
        /packages\/\w+\/([\w-]+)\//.exec(input)?.[1] ??
        /node_modules\/((?:@[\w-]+\/)?[\w-]+)\/(?!.*node_modules)/.exec(input)?.[1] ??
        input
      parts.set(part, (parts.get(part) ?? 0) + bytesInOutput)
    }
  }
  return { minified, zipped, parts }
}

const kib = (bytes: number): string => (bytes / 1024).toFixed(1)
const { minified, zipped, parts } = await firstLoad(lazy)
for (const [part, bytes] of [...parts].toSorted((a, b) => b[1] - a[1])) {
  console.log(`${kib(bytes).padStart(7)} KiB ${part}`)
}
console.log(`${kib(minified).padStart(7)} KiB minified, ${kib(zipped)} KiB gzip, budget ${budgetKiB} KiB`)
// A bundler keeps a module in one piece: what a lazy part and the first load both use (SHA-2) comes with the first load
// in full. This is what an application ships that bundles the lazy parts beside.
const beside = await firstLoad([])
console.log(
  `${kib(beside.minified).padStart(7)} KiB minified, ${kib(beside.zipped)} KiB gzip with lazy parts bundled beside`
)
if (zipped > budgetKiB * 1024) process.exitCode = 1
