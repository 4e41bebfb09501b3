// Packs every public package as it would be published and looks at the result as a consumer does.
import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

interface Manifest {
  readonly name: string
  readonly private?: boolean
}

const target = mkdtempSync(join(tmpdir(), 'peerloom-pack-'))
let failed = 0

/** Runs a command; its output is shown only when it fails. */
function run(command: string, args: readonly string[], cwd: string): boolean {
  try {
    execFileSync(command, args, { cwd, stdio: 'pipe', encoding: 'utf8' })
    return true
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    console.error(`${command} ${args.join(' ')} in ${cwd}\n${stdout ?? ''}${stderr ?? ''}`)
    return false
  }
}

const bin = (name: string): string => join(process.cwd(), 'node_modules', '.bin', name)

try {
  for (const path of globSync('packages/*/*/package.json').toSorted()) {
    const { name, private: isPrivate } = JSON.parse(readFileSync(path, 'utf8')) as Manifest
    if (isPrivate === true) continue
    const directory = dirname(path)
    const packed = join(target, `${name.replaceAll(/[@/]/g, '-')}.tgz`)
    const good =
      run('pnpm', ['pack', '--out', packed], directory) &&
      run(bin('publint'), ['--strict', packed], directory) &&
      run(bin('attw'), [packed, '--profile', 'esm-only', '--quiet'], directory)
    console.log(`${good ? 'ok  ' : 'FAIL'} ${name}`)
    if (!good) failed++
  }
} finally {
  rmSync(target, { recursive: true })
}
process.exitCode = failed > 0 ? 1 : 0
