import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('closing-peer.ts', import.meta.url))

/** The engine keeps a process alive for whatever of its own it thinks is in use. */
test(
  'a process ends by itself when its nodes have stopped, whichever end closed what',
  { timeout: 100_000 },
  async () => {
    for (let round = 0; round < 3; round++) {
      const run = promisify(execFile)(process.execPath, ['--conditions=@peerloom/source', script], { timeout: 30_000 })
      expect((await run).stdout.trim()).toBe('400')
    }
  }
)
