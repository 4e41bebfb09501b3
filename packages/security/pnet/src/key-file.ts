import { PeerloomError, systemRandom } from '@peerloom/interface'

/** First line of the file, a path-based multicodec; the second names the encoding of the rest (Interface). */
const codec = '/key/swarm/psk/1.0.0/'
const keyBytes = 32
/** A key file is about 100 bytes; what is longer is another file. */
const maxFileBytes = 1024

const invalid = (what: string): PeerloomError => new PeerloomError('ERR_INVALID_KEY', `pre-shared key: ${what}`)

/** The key in a file, or the bytes of a bare key. Messages of errors never quote the file. */
export function parseKeyFile(file: Uint8Array | string): Uint8Array {
  if (typeof file !== 'string' && file.length === keyBytes) return new Uint8Array(file)
  // One character for one byte, so that /bin/ is as readable as the others.
  const text = typeof file === 'string' ? file : latin1(file)
  if (text.length > maxFileBytes) throw invalid(`a file of ${text.length} bytes`)
  const [, first, base, rest] = /^([^\r\n]*)\r?\n([^\r\n]*)\r?\n([^]*)$/.exec(text) ?? []
  if (first !== codec) throw invalid(`a file that does not begin with ${codec}`)
  switch (base) {
    case '/base16/':
      return decode(/^([0-9a-fA-F]{64})\s*$/, rest, (hex) =>
        Uint8Array.from({ length: keyBytes }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16))
      )
    case '/base64/':
      return decode(/^([A-Za-z0-9+/]{43}=)\s*$/, rest, (base64) => binary(atob(base64)))
    case '/bin/':
      return decode(/^([\0-\xff]{32})$/, rest, binary)
    default:
      throw invalid('the second line has to be /base16/, /base64/ or /bin/')
  }
}

/** A new key, as the text of a `swarm.key` file that every implementation reads. */
export function generatePreSharedKey(): string {
  const hex = [...systemRandom(keyBytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${codec}\n/base16/\n${hex}\n`
}

function decode(pattern: RegExp, rest: string | undefined, read: (encoded: string) => Uint8Array): Uint8Array {
  const encoded = pattern.exec(rest ?? '')?.[1]
  if (encoded === undefined) throw invalid(`what follows does not hold ${keyBytes} bytes`)
  return read(encoded)
}

const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
const binary = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
