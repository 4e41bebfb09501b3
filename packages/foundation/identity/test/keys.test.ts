import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { generateKey, privateKeyFromRaw } from '@peerloom/identity'
import type { KeyType } from '@peerloom/interface'
import { testKeys } from './key-suite.ts'

testKeys()

test('a private key that is logged does not show its secret', async () => {
  const key = await generateKey()
  expect(inspect(key, { depth: 10 })).not.toContain(inspect(key.raw).slice(20, 60))
  expect(JSON.stringify(key)).not.toContain(`"0":${key.raw[0]},"1":${key.raw[1]},"2":${key.raw[2]}`)
})

for (const type of ['Ed25519', 'secp256k1', 'ECDSA', 'RSA'] as const satisfies readonly KeyType[]) {
  test(`${type}: a private key keeps nothing of the Buffer it came in`, async () => {
    const key = await generateKey(type)
    const bytes = Buffer.from(key.raw)
    const copy = await privateKeyFromRaw(type, bytes)
    bytes.fill(0)
    expect(Buffer.from(copy.raw).equals(key.raw)).toBe(true)
    expect([copy.raw, copy.protobuf, await copy.sign(bytes)].some((made) => Buffer.isBuffer(made))).toBe(false)
  })
}
