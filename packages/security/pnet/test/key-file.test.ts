import { expect, test } from 'vitest'
import { generatePreSharedKey, preSharedKey } from '@peerloom/pnet'

const fingerprint = (psk: Uint8Array | string): string => preSharedKey({ psk })({} as never).fingerprint
const header = '/key/swarm/psk/1.0.0/'
const hex = '6189c5cf0b87fb800c1a9feeda73c6ab5e998db48fb9e6a978575c770ceef683'
const key = Uint8Array.from(Buffer.from(hex, 'hex'))

test('a network has the fingerprint that kubo and rust-libp2p give it', () => {
  expect(fingerprint(`${header}\n/base16/\n${hex}`)).toBe('45fc986bbc9388a11d939df26f730f0c')
})

test('a key is read from every encoding, with line ends of any system', () => {
  const base64 = Buffer.from(key).toString('base64')
  for (const eol of ['\n', '\r\n']) {
    for (const file of [
      [header, '/base16/', hex].join(eol),
      [header, '/base16/', hex.toUpperCase(), ''].join(eol),
      [header, '/base64/', base64].join(eol),
      [header, '/base64/', base64, ''].join(eol),
      Buffer.concat([Buffer.from([header, '/bin/', ''].join(eol)), key]),
      Uint8Array.from(Buffer.from([header, '/base16/', hex, ''].join(eol))),
      key
    ]) {
      expect(fingerprint(file)).toBe('45fc986bbc9388a11d939df26f730f0c')
    }
  }
})

test.each([
  ['nothing', ''],
  ['another file', 'a\nb\nc'],
  ['a later version', `/key/swarm/psk/2.0.0/\n/base16/\n${hex}`],
  ['one line', `${header}/base16/${hex}`],
  ['an unknown encoding', `${header}\n/verybadbase/\n${hex}`],
  ['too short a key', `${header}\n/base16/\n${hex.slice(2)}`],
  ['too long a key', `${header}\n/base16/\n${hex}00`],
  ['digits that are none', `${header}\n/base16/\n${hex.replace('6', 'g')}`],
  ['base64 of 31 bytes', `${header}\n/base64/\n${Buffer.from(key.subarray(1)).toString('base64')}`],
  ['a short binary key', `${header}\n/bin/\n${'x'.repeat(31)}`],
  ['a long binary key', `${header}\n/bin/\n${'x'.repeat(33)}`],
  ['characters that are no bytes', `${header}\n/bin/\n${'\u1234'.repeat(32)}`],
  ['a large file', `${header}\n/base16/\n${hex}${' '.repeat(2000)}`],
  ['31 bytes', new Uint8Array(31)],
  ['33 bytes', new Uint8Array(33)]
])('%s is refused at once, and not quoted', (_name, psk) => {
  let thrown: unknown
  try {
    preSharedKey({ psk })
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({ code: 'ERR_INVALID_KEY' })
  expect(String(thrown)).not.toContain(hex.slice(2, 10))
})

test('a new key is one that all implementations read, and is not like another', () => {
  const [one, two] = [generatePreSharedKey(), generatePreSharedKey()]
  expect(one).toMatch(/^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[0-9a-f]{64}\n$/)
  expect(fingerprint(one)).toMatch(/^[0-9a-f]{32}$/)
  expect(fingerprint(one)).not.toBe(fingerprint(two))
})
