// Compares a stream with the engine alone: node --conditions=@peerloom/source throughput.bench.ts
import { createNode } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { webRTCDirect } from '@peerloom/webrtc'
import nodeDataChannel from 'node-datachannel'

const mebibyte = 1024 * 1024
const total = Number(process.argv[2] ?? 64) * mebibyte
const messageBytes = 16 * 1024

/** Tells one end of the other. Candidates may come before the description that they belong to. */
function introduce(from: nodeDataChannel.PeerConnection, to: nodeDataChannel.PeerConnection): void {
  const early: (() => void)[] = []
  let isDescribed = false
  from.onLocalDescription((sdp, type) => {
    to.setRemoteDescription(sdp, type)
    isDescribed = true
    for (const add of early) add()
  })
  from.onLocalCandidate((candidate, mid) => {
    const add = (): void => to.addRemoteCandidate(candidate, mid)
    if (isDescribed) add()
    else early.push(add)
  })
}

/** Both ends of one data channel, driven as the engine's documentation says. MiB/s. */
async function engineAlone(): Promise<number> {
  const config = { iceServers: [], maxMessageSize: 256 * 1024 }
  const one = new nodeDataChannel.PeerConnection('one', config)
  const two = new nodeDataChannel.PeerConnection('two', config)
  introduce(one, two)
  introduce(two, one)
  const channel = one.createDataChannel('')
  channel.onClosed(() => {})
  const start = { at: 0 }
  await new Promise<void>((resolve) => {
    let received = 0
    two.onDataChannel((other) => {
      other.onClosed(() => {})
      other.onMessage((message) => {
        received += (message as Buffer).length
        if (received >= total) resolve()
      })
    })
    const message = new Uint8Array(messageBytes)
    let sent = 0
    const fill = (): void => {
      while (sent < total) {
        sent += messageBytes
        if (!channel.sendMessageBinary(message) && channel.bufferedAmount() > 256 * 1024) break
      }
    }
    channel.setBufferedAmountLowThreshold(64 * 1024)
    channel.onBufferedAmountLow(fill)
    channel.onOpen(() => {
      start.at = performance.now()
      fill()
    })
  })
  const rate = total / mebibyte / ((performance.now() - start.at) / 1000)
  channel.close()
  one.close()
  two.close()
  return rate
}

async function stream(chunkBytes: number): Promise<number> {
  const modules = { transports: [webRTCDirect()], connectionEncryption: [noise()] }
  const listener = await createNode({ ...modules, addresses: { listen: ['/ip4/127.0.0.1/udp/0/webrtc-direct'] } })
  const dialer = await createNode(modules)
  let received = 0
  let done = (): void => {}
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  await listener.handle('/sink/1', (inbound) => {
    inbound.attach({
      transient: true,
      data(bytes) {
        received += bytes.length
        if (received >= total) done()
      },
      end() {},
      closed() {}
    })
  })
  const connection = await dialer.dial(listener.multiaddrs())
  const outbound = await connection.openStream('/sink/1')
  const chunk = new Uint8Array(chunkBytes)
  const start = performance.now()
  for (let sent = 0; sent < total; sent += chunkBytes) if (!outbound.send(chunk)) await outbound.drained()
  await all
  const rate = total / mebibyte / ((performance.now() - start) / 1000)
  await Promise.all([dialer.stop(), listener.stop()])
  return rate
}

const median = (rates: readonly number[]): number => rates.toSorted((a, b) => a - b)[rates.length >> 1] as number
const rows = { engine: [] as number[], 'stream, 16 KiB': [] as number[], 'stream, 64 KiB': [] as number[] }
for (let run = 0; run < 5; run++) {
  rows.engine.push(await engineAlone())
  rows['stream, 16 KiB'].push(await stream(16 * 1024))
  rows['stream, 64 KiB'].push(await stream(64 * 1024))
}
for (const [name, rates] of Object.entries(rows)) {
  const rate = median(rates)
  console.log(
    `${name}: ${rate.toFixed(1)} MiB/s, ${(rate / median(rows.engine)).toFixed(2)} of the engine alone`,
    rates.map((r) => r.toFixed(0)).join(' ')
  )
}
