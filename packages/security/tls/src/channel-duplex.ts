import { type Channel, toError } from '@peerloom/interface'
import { Duplex } from 'node:stream'

/** A channel as a stream of Node, for OpenSSL to run on where there is no socket. Destroying it behind its end closes the
 * channel. */
export function channelDuplex(channel: Channel): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => channel.resume(),
    write(chunk: Uint8Array, _encoding, callback) {
      try {
        if (channel.send(chunk)) callback()
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
  channel.attach({
    data: (bytes) => {
      if (!duplex.push(bytes)) channel.pause()
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
