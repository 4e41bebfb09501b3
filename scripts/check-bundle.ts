// What a browser application has to load for a node: core, Noise, yamux and a transport of the size of WebSockets.
// Built from the sources with the browser condition, minified, gzip -9.
import { build } from 'esbuild'
import { gzipSync } from 'node:zlib'

const budgetKiB = 60

/** The transport stands in for WebSockets, which browsers bring: `memory` is of its size. */
const entry = `
import { createNode } from '@peerloom/core'
import { memory } from '@peerloom/memory'
import { noise } from '@peerloom/noise'
import { yamux } from '@peerloom/yamux'
globalThis.node = createNode({ transports: [memory()], connectionEncryption: [noise()], streamMuxers: [yamux()] })
`

const result = await build({
  stdin: { contents: entry, resolveDir: process.cwd(), loader: 'ts' },
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  // What is imported only when it is needed (a datastore's keys, curves for old browsers) is no part of the first load.
  external: ['interface-datastore/key', '@noble/curves/*', '@peerloom/identity/stored-key'],
  splitting: true,
  outdir: 'bundle',
  write: false,
  metafile: true,
  conditions: ['@peerloom/source', 'browser'],
  logLevel: 'error'
})

// What is imported when it is needed (other key types, the keychain) is loaded then.
const main = result.outputFiles.find(({ path }) => path.endsWith('stdin.js'))
const outputs = Object.entries(result.metafile.outputs)
const [, initial] = outputs.find(([path]) => path.endsWith('stdin.js')) ?? []
if (main === undefined || initial === undefined) throw new Error('the bundle has no entry')
const eager = new Set<string>()
const visit = (path: string): void => {
  if (eager.has(path)) return
  eager.add(path)
  for (const { path: next, kind } of result.metafile.outputs[path]?.imports ?? []) {
    if (kind === 'import-statement') visit(next)
  }
}
visit(outputs.find(([, output]) => output === initial)?.[0] ?? '')

let minified = 0
let zipped = 0
const parts = new Map<string, number>()
for (const path of eager) {
  const file = result.outputFiles.find((one) => one.path.endsWith(`/${path}`))
  if (file === undefined) continue
  minified += file.contents.length
  zipped += gzipSync(file.contents, { level: 9 }).length
  for (const [input, { bytesInOutput }] of Object.entries(result.metafile.outputs[path]?.inputs ?? {})) {
    const part =
      /packages\/\w+\/([\w-]+)\//.exec(input)?.[1] ??
      /node_modules\/((?:@[\w-]+\/)?[\w-]+)\/(?!.*node_modules)/.exec(input)?.[1] ??
      input
    parts.set(part, (parts.get(part) ?? 0) + bytesInOutput)
  }
}

const kib = (bytes: number): string => (bytes / 1024).toFixed(1)
for (const [part, bytes] of [...parts].toSorted((a, b) => b[1] - a[1]))
  console.log(`${kib(bytes).padStart(7)} KiB ${part}`)
console.log(`${kib(minified).padStart(7)} KiB minified, ${kib(zipped)} KiB gzip, budget ${budgetKiB} KiB`)
if (zipped > budgetKiB * 1024) process.exitCode = 1
