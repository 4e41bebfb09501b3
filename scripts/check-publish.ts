// Packs every public package as it would be published and looks at the tarball the way a consumer does:
// publint reads the manifest, attw resolves the types. One line per package; needs a build (`pnpm build`).
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

interface Manifest {
  readonly name: string
  readonly private?: boolean
}

const target = mkdtempSync(join(tmpdir(), 'peerloom-publish-'))

/** Runs a command and gives what it printed if it failed. */
function complaint(command: string, args: readonly string[], cwd: string): string | undefined {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 120_000 })
  return status === 0 ? undefined : `${command} ${args.join(' ')}\n${error?.message ?? ''}${stdout}${stderr}`
}

function check(directory: string): string | undefined {
  const folder = mkdtempSync(join(target, 'package-'))
  const unpacked = complaint('pnpm', ['pack', '--pack-destination', folder], directory)
  if (unpacked !== undefined) return unpacked
  const tarball = join(folder, readdirSync(folder)[0] ?? '')
  return (
    complaint('pnpm', ['exec', 'publint', 'run', '--strict', tarball], '.') ??
    complaint('pnpm', ['exec', 'attw', '--profile', 'esm-only', '--no-emoji', tarball], '.')
  )
}

let failures = 0
const built = complaint('pnpm', ['run', '--silent', 'build'], '.')
if (built !== undefined) {
  console.error(built)
  process.exit(1)
}
try {
  for (const path of globSync('packages/*/*/package.json').sort()) {
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest
    if (manifest.private === true) continue
    const problem = check(dirname(path))
    console.log(`${problem === undefined ? 'ok    ' : 'FAILED'} ${manifest.name}`)
    if (problem === undefined) continue
    console.error(problem)
    failures++
  }
} finally {
  rmSync(target, { recursive: true, force: true })
}
process.exitCode = failures > 0 ? 1 : 0
