// Takes the TypeScript examples out of the READMEs, type-checks them all, and runs them.
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const runTimeoutMs = 30_000

export interface Example {
  /** Where it was found. */
  readonly readme: string
  /** The file it was written to. */
  readonly file: string
}

/**
 * Writes every `ts` block of the READMEs to a file beside the package it belongs to, where its imports resolve as they
 * do for the package's own tests.
 */
export function extractExamples(): Example[] {
  const examples: Example[] = []
  for (const readme of ['README.md', ...globSync('packages/*/*/README.md')].toSorted()) {
    const blocks = [...readFileSync(readme, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
    blocks.forEach(([, code], at) => {
      if (code === undefined || !code.includes('import ')) return
      const folder = join('scripts', 'readme-examples.tmp')
      mkdirSync(folder, { recursive: true })
      const file = join(folder, `${readme.replaceAll(/[/.]/g, '-')}-${at + 1}.ts`)
      writeFileSync(file, code)
      examples.push({ readme, file })
    })
  }
  return examples
}

export function removeExamples(): void {
  rmSync(join('scripts', 'readme-examples.tmp'), { recursive: true, force: true })
}

/** Type-checks the examples against the sources. Rejects with the compiler's output. */
export async function checkExamples(): Promise<void> {
  const config = join('scripts', 'readme-examples.tmp', 'tsconfig.json')
  const options = {
    types: ['node'],
    composite: false,
    declaration: false,
    declarationMap: false,
    emitDeclarationOnly: false,
    isolatedDeclarations: false,
    noEmit: true,
    rootDir: '../..'
  }
  writeFileSync(
    config,
    JSON.stringify({ extends: '../../tsconfig.base.json', compilerOptions: options, include: ['*.ts'] })
  )
  try {
    await run('tsc', ['-p', config])
  } catch (error) {
    throw new Error((error as { stdout?: string }).stdout ?? String(error), { cause: error })
  }
}

/** Runs one example on the sources: it must end by itself. Resolves to what it printed. */
export async function runExample(example: Example): Promise<string> {
  const { stdout } = await run(process.execPath, ['--conditions=@peerloom/source', example.file], {
    timeout: runTimeoutMs,
    env: { ...process.env, NODE_OPTIONS: '' }
  })
  return stdout
}
