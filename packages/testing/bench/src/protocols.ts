import type { BenchNode } from './driver.ts'

/** What the listening side of every workload serves. Ids are the same for all drivers. */
export const sink = '/bench/sink'
export const source = '/bench/source'
export const echo = '/bench/echo'
export const request = '/bench/request'
export const idle = '/bench/idle'

export const requestBytes = 64
const chunk = new Uint8Array(64 * 1024)

/** Serves all of them on a node. */
export async function serve(node: BenchNode): Promise<void> {
  // Counts to the end, then says how much it got in 8 bytes.
  await node.handle(sink, (stream) => {
    let total = 0
    stream.read(
      (bytes) => (total += bytes),
      () => {
        const answer = new Uint8Array(8)
        new DataView(answer.buffer).setBigUint64(0, BigInt(total))
        stream.send(answer)
        void stream.close()
      }
    )
  })
  // Reads a length in 8 bytes, sends that much in 64 KiB writes.
  await node.handle(source, (stream) => {
    const head = new Uint8Array(8)
    let have = 0
    stream.read(
      (_bytes, data) => {
        for (const byte of data()) if (have < 8) head[have++] = byte
        if (have === 8) void give(Number(new DataView(head.buffer).getBigUint64(0)))
      },
      () => {}
    )
    const give = async (total: number): Promise<void> => {
      have++
      for (let sent = 0; sent < total; sent += chunk.length) if (!stream.send(chunk)) await stream.drained()
      await stream.close()
    }
  })
  await node.handle(echo, (stream) => {
    stream.read(
      (_bytes, data) => void stream.send(data()),
      () => void stream.close()
    )
  })
  // One request of 64 bytes, one answer of 64 bytes.
  await node.handle(request, (stream) => {
    let have = 0
    stream.read(
      (bytes) => {
        have += bytes
        if (have < requestBytes) return
        stream.send(new Uint8Array(requestBytes))
        void stream.close()
      },
      () => {}
    )
  })
  await node.handle(idle, (stream) => {
    stream.read(
      (_bytes, data) => void stream.send(data()),
      () => void stream.close()
    )
  })
}
