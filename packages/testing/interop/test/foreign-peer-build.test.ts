import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startForeignPeer } from '@peerloom/interop'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

let cache: string

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'peerloom-test-'))
  vi.stubEnv('PEERLOOM_CACHE', cache)
  vi.stubEnv('PEERLOOM_BUILD_PEERS', '1')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await rm(cache, { recursive: true, force: true })
})

it.each([
  { kind: 'go', line: 'SKIPPED: go is not on PATH, the rows of the Go peer do not run' },
  { kind: 'rust', line: 'SKIPPED: cargo is not on PATH, the rows of the Rust peer do not run' }
] as const)('says loudly that the $kind toolchain is missing, and leaves nothing behind', async ({ kind, line }) => {
  vi.stubEnv('PATH', cache)
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  await expect(startForeignPeer(kind)).resolves.toBeUndefined()
  expect(warn).toHaveBeenCalledExactlyOnceWith(line)
  await expect(readdir(join(cache, 'foreign-peers'))).resolves.toEqual([])
})
