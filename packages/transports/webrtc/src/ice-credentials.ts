/**
 * ICE credentials and what WebRTC Direct hides in them. In a binding request the USERNAME is `<server's ufrag>:<client's
 * ufrag>`, all that a server learns of a client before it has to answer.
 *
 * v1: one random string with a prefix is ufrag and password of both sides.
 * v2: the client keeps the credentials that its engine made and puts its password into the ufrag of the server, because
 * browsers stop letting pages choose their own (libp2p/specs#715).
 */
export interface IceCredentials {
  readonly ufrag: string
  readonly pwd: string
}

export type DirectVersion = 1 | 2

const prefix = { 1: 'libp2p+webrtc+v1/', 2: 'libp2p+webrtc+v2/' } as const

/** RFC 8839, section 5.4. Anything else makes the native engine throw where nobody can catch it. */
const iceCharacters = /^[A-Za-z0-9+/]*$/

export function isIceUfrag(text: string): boolean {
  return text.length >= 4 && text.length <= 256 && iceCharacters.test(text)
}

export function isIcePwd(text: string): boolean {
  return text.length >= 22 && text.length <= 256 && iceCharacters.test(text)
}

/** What both sides use for one connection. */
export interface DirectCredentials {
  readonly version: DirectVersion
  readonly server: IceCredentials
  readonly client: IceCredentials
}

/** What a server derives from a binding request; undefined for what it must not answer. */
export function credentialsOfRequest(serverUfrag: string, clientUfrag: string): DirectCredentials | undefined {
  // The server's ufrag is its password too, so it has to do as one.
  if (!isIcePwd(serverUfrag) || !isIceUfrag(clientUfrag)) return undefined
  const server = { ufrag: serverUfrag, pwd: serverUfrag }
  if (serverUfrag.startsWith(prefix[2])) {
    const pwd = serverUfrag.slice(prefix[2].length)
    return isIcePwd(pwd) ? { version: 2, server, client: { ufrag: clientUfrag, pwd } } : undefined
  }
  if (!serverUfrag.startsWith(prefix[1]) || !isIcePwd(clientUfrag)) return undefined
  return { version: 1, server, client: { ufrag: clientUfrag, pwd: clientUfrag } }
}

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/'

/** What a v1 client uses for both sides. */
export function makeV1Credentials(random: Uint8Array): IceCredentials {
  const ufrag = prefix[1] + Array.from(random, (byte) => alphabet[byte & 63]).join('')
  return { ufrag, pwd: ufrag }
}

/** What a v2 client uses for the server, given its own password. */
export function serverCredentialsV2(clientPwd: string): IceCredentials {
  const ufrag = prefix[2] + clientPwd
  return { ufrag, pwd: ufrag }
}
