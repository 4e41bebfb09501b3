import { PeerloomError, type RandomBytes } from '@peerloom/interface'
import { maxLabelBytes } from './dns-name.ts'

export const defaultServiceTag = '_p2p._udp.local'
/** Asked for to learn of all services (RFC 6763 section 9). */
export const metaService = '_services._dns-sd._udp.local'

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'
/** The specification asks for 32 or more. */
const peerNameLength = 40
/** So that the peer's name, and the host's, fit in front of it. */
const maxServiceBytes = 180

/** In lower case, without a final dot. Throws ERR_INVALID_ARGUMENT. */
export function checkedServiceTag(tag: string): string {
  const name = tag.toLowerCase().replace(/\.$/, '')
  if (/^(_[a-z0-9-]{1,62}\.)+local$/.test(name) && name.length <= maxServiceBytes) return name
  throw new PeerloomError('ERR_INVALID_ARGUMENT', `serviceTag is ${tag}, it must be like ${defaultServiceTag}`)
}

/** `_p2p-<fingerprint>._udp.local`: public and private networks do not find each other (mDNS specification, definitions). */
export function serviceName(tag: string, privateNetwork: string | undefined): string {
  if (privateNetwork === undefined) return tag
  const [first = '', ...rest] = tag.split('.')
  return [`${first}-${privateNetwork.toLowerCase()}`.slice(0, maxLabelBytes), ...rest].join('.')
}

/** Says nothing of who the peer is, and is new with each start. */
export function randomPeerName(random: RandomBytes): string {
  return Array.from(random(peerNameLength), (byte) => alphabet[byte % alphabet.length]).join('')
}
