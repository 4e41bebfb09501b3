import { parsePeerId } from '@peerloom/identity'
import type { Clock } from '@peerloom/interface'
import type { UdpAddress } from '@peerloom/quic-engine'
import type { QuicLink } from './engine.ts'
import type { AddonConnection } from './quinn-addon.ts'
import { QuinnConnection } from './quinn-connection.ts'

/** Who is at the other end, as the addon's handshake found out. */
export function linkOf(
  connection: AddonConnection,
  local: UdpAddress | undefined,
  clock: Clock,
  release: () => Promise<void> | undefined
): QuicLink {
  const [, , host = '', , port, , , id = ''] = connection.remoteMultiaddr().split('/')
  const remotePeer = parsePeerId(id)
  return {
    connection: new QuinnConnection(connection, clock, release),
    remotePeer,
    remoteKey: remotePeer.publicKey,
    remote: { host, port: Number(port) },
    local
  }
}
