// Two processes: one serves a file, the other fetches it. Run with: node src/demo.ts [file]
import { type ChildProcess, fork } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const exit = (child: ChildProcess): Promise<number | null> => new Promise((done) => child.once('exit', done))

// `pnpm demo -- file` is run in the project's root, and INIT_CWD is where it was typed.
const given = process.argv.slice(2).find((argument) => argument !== '--')
const scratch = await mkdtemp(join(tmpdir(), 'peerloom-demo-'))
let file = given === undefined ? '' : resolve(process.env['INIT_CWD'] ?? '.', given)
if (given === undefined) {
  file = join(scratch, 'random.bin')
  await writeFile(file, randomFillSync(Buffer.alloc(128 * 2 ** 20)))
}

console.log('Starting a server and a client, each in a process of its own.')
const server = fork(script('./server.ts'), [file])
try {
  const address = await new Promise<string>((found, failed) => {
    server.once('message', (message: { address: string }) => found(message.address))
    server.once('exit', (code) => failed(new Error(`the server ended with ${code}`)))
  })
  const code = await exit(fork(script('./client.ts'), [address]))
  if (code !== 0) throw new Error(`the client ended with ${code}`)
  console.log('Done: found, secured, fetched, verified.')
} finally {
  if (server.connected) {
    server.disconnect()
    await exit(server)
  }
  await rm(scratch, { recursive: true })
}
