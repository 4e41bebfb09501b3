// A conversation between two processes. Run with: node src/main.ts
// The first process starts the second one with its address and says the first word.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createNode, lengthPrefixed, type Stream } from 'peerloom'

const protocol = '/chat/1.0.0'
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** Says a line whenever it is our turn, hears what comes, and hangs up after the last one. */
async function converse(name: string, stream: Stream, lines: readonly string[], first: boolean): Promise<void> {
  const messages = lengthPrefixed(stream, { maxBytes: 4096 }) // a remote cannot make us hold more
  let turn = 0
  const speak = async (): Promise<void> => {
    const line = lines[turn++]
    if (line === undefined) return
    console.log(`${name}: ${line}`)
    await messages.write(encode(line))
  }
  if (first) await speak()
  for await (const message of messages) {
    console.log(`${name} hears: ${decode(message)}`)
    await speak()
    if (turn >= lines.length) break
  }
  await stream.close()
}

const [, , address] = process.argv
const node = await createNode({ addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } })

if (address === undefined) {
  const ended = new Promise<void>((resolve, reject) => {
    void node.handle(protocol, (stream) =>
      converse('ada', stream, ['hello, grace', 'so no server anywhere?', 'goodbye'], true).then(resolve, reject)
    )
  })
  const other = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), String(node.multiaddrs()[0])],
    {
      stdio: 'inherit'
    }
  )
  await ended
  await new Promise((resolve) => other.once('exit', resolve))
} else {
  const stream = await node.openStream(address, protocol)
  await converse('grace', stream, ['hello, ada', 'none, only the two of us', 'goodbye'], false)
}
await node.stop()
