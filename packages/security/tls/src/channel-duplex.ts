import { type Channel, toError } from '@peerloom/interface'
import { lastUse, ownBuffer } from '@peerloom/streams'
import { Duplex } from 'node:stream'

/** A channel as a stream of Node, for OpenSSL to run on where there is no socket. Destroying it behind its end closes the
 * channel. */
export function channelDuplex(channel: Channel): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => channel.resume(),
    write(chunk: Uint8Array, _encoding, callback) {
      try {
        ownBuffer(chunk)
        if (channel.send(lastUse(chunk))) callback()
        else whenDone(channel.drained(), callback)
      } catch (error) {
        callback(toError(error))
      }
    },
    final(callback) {
      whenDone(channel.closeWrite(), callback)
    },
    destroy(error, callback) {
      if (error !== null) channel.abort(error)
      else if (duplex.writableFinished) channel.close().catch(() => {})
      // Else TLS was lost, and whoever is told of it has something better to say.
      callback(null)
    }
  })
  let taken = 0
  channel.attach({
    data: (bytes) => {
      taken = bytes.length
      if (!duplex.push(bytes)) channel.pause()
    },
    /** OpenSSL listens, and takes a copy. */
    get unkeptBytes() {
      return duplex.readableLength === 0 ? taken : 0
    },
    end: () => void duplex.push(null),
    closed: (error) => {
      if (error !== undefined) duplex.destroy(error)
    }
  })
  return duplex
}

function whenDone(done: Promise<void>, callback: (error?: Error) => void): void {
  const [succeed, fail] = [(): void => callback(), (error: unknown): void => callback(toError(error))]
  done.then(succeed, fail)
}
