// A protocol of one's own: typed questions, typed answers. Run with: node src/main.ts
import { createNode, protobuf } from 'peerloom'
import { answer, question } from './messages.ts'

const protocol = '/example/words/1.0.0'
const listen = { addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } }
const limits = { maxBytes: 4096 } // no message is longer

const server = await createNode(listen)
await server.handle(protocol, async (stream) => {
  const calls = protobuf(stream, { decode: question.decode, encode: answer.encode }, limits)
  for await (const { text, limit } of calls) {
    const words = text.split(/\s+/).toSorted((a, b) => b.length - a.length)
    await calls.write({ words: words.slice(0, limit) })
  }
  await stream.close()
})

const client = await createNode(listen)
const stream = await client.openStream(server.multiaddrs(), protocol)
const calls = protobuf(stream, { decode: answer.decode, encode: question.encode }, limits)
for (const text of ['many words make light work', 'a toolkit for peer to peer applications']) {
  await calls.write({ text, limit: 2 })
  console.log(`longest of "${text}": ${(await calls.read())?.words.join(', ')}`)
}
await stream.close()

await client.stop()
await server.stop()
