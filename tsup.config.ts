import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Options } from 'tsup'

/** Every `./src/*.ts` path an exports map points at, at any depth. */
function sources(value: unknown): string[] {
  if (typeof value === 'string') return /^\.\/src\/.+\.ts$/.test(value) ? [value] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(sources)
}

function build(directory: string): Options {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const bins = Object.values<string>(manifest.bin ?? {}).map((path) =>
    path.replace('./dist/', './src/').replace(/\.js$/, '.ts')
  )
  return {
    name: directory,
    entry: [...new Set([...sources(manifest.exports), ...bins])].map((file) => join(directory, file)),
    outDir: join(directory, 'dist'),
    tsconfig: join(directory, 'tsconfig.json'),
    format: 'esm',
    target: 'es2023',
    platform: 'neutral',
    sourcemap: true,
    clean: true,
    silent: true,
    dts: false, // tsc -b writes the declarations
    external: [/^node:/, /^[^./]/]
  }
}

export default defineConfig(
  globSync('packages/*/*')
    .filter((directory) => !directory.includes('node_modules'))
    .map(build)
    .filter(({ entry }) => Array.isArray(entry) && entry.length > 0) // programs without exports run from source
)
