// Takes the TypeScript examples out of the READMEs, type-checks them all in one run, and runs those that are programs.
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const runTimeoutMs = 30_000
/** Beside each README, so that imports resolve as in the package's own tests: its dependencies, then the root's. */
const folderName = '.readme-examples'
const config = join('scripts', folderName, 'tsconfig.json')
/** Examples of suites run under vitest, not by themselves. */
const testSuites = /from '@peerloom\/conformance'/

export interface Example {
  /** Where it was found. */
  readonly readme: string
  /** The file it was written to. */
  readonly file: string
  /** A whole program: it imports what it uses and ends by itself. Others are checked only. */
  readonly runs: boolean
}

/** Writes every `ts` block of the READMEs to a file of its own. */
export function extractExamples(): Example[] {
  const examples: Example[] = []
  for (const readme of ['README.md', ...globSync('packages/*/*/README.md')].toSorted()) {
    const folder = join(dirname(readme), folderName)
    const blocks = [...readFileSync(readme, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
    if (blocks.length > 0) mkdirSync(folder, { recursive: true })
    blocks.forEach(([, code = ''], at) => {
      const file = join(folder, `${at + 1}.ts`)
      writeFileSync(file, code)
      examples.push({ readme, file, runs: /^import /m.test(code) && !testSuites.test(code) })
    })
  }
  return examples
}

export function removeExamples(): void {
  for (const folder of ['.', 'scripts', ...globSync('packages/*/*')]) {
    rmSync(join(folder, folderName), { recursive: true, force: true })
  }
}

/** Type-checks the examples against the sources. Rejects with the compiler's output. */
export async function checkExamples(examples: readonly Example[]): Promise<void> {
  const compilerOptions = {
    types: ['node'],
    composite: false,
    declaration: false,
    declarationMap: false,
    emitDeclarationOnly: false,
    isolatedDeclarations: false,
    noEmit: true,
    rootDir: resolve('.')
  }
  mkdirSync(dirname(config), { recursive: true })
  writeFileSync(
    config,
    JSON.stringify({
      extends: resolve('tsconfig.base.json'),
      compilerOptions,
      files: examples.map(({ file }) => resolve(file))
    })
  )
  try {
    await run('tsc', ['-p', config])
  } catch (error) {
    throw new Error((error as { stdout?: string }).stdout ?? String(error), { cause: error })
  }
}

/** Runs one example on the sources: it must end by itself, in time and with status 0. Resolves to what it printed. */
export function runExample(example: Example): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, ['--conditions=@peerloom/source', example.file], {
    timeout: runTimeoutMs,
    env: { ...process.env, NODE_OPTIONS: '' }
  })
}
