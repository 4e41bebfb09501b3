import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorCodes, isPeerloomError, PeerloomError, toError } from '@peerloom/interface'

test('an error carries its code, its cause and who caused it', () => {
  const cause = new Error('socket hang up')
  const error = new PeerloomError('ERR_DIAL', 'could not dial', { cause, remote: true })
  expect(error).toMatchObject({ name: 'PeerloomError', code: 'ERR_DIAL', cause, remote: true })
  expect(isPeerloomError(error, 'ERR_DIAL')).toBe(true)
  expect(isPeerloomError(error, 'ERR_LISTEN')).toBe(false)
  expect(isPeerloomError(cause)).toBe(false)
})

test('instanceof holds for subclasses, and tells siblings apart', () => {
  class One extends PeerloomError {}
  class Two extends PeerloomError {}
  const one = new One('ERR_DIAL', 'x')
  expect(one instanceof PeerloomError).toBe(true)
  expect(one instanceof One).toBe(true)
  expect(one instanceof Two).toBe(false)
})

test('whatever was thrown becomes an Error that keeps it', () => {
  expect(toError('text').cause).toBe('text')
  const error = new Error('kept')
  expect(toError(error)).toBe(error)
})

test('docs/errors.md explains every code, and no other', () => {
  const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8')
  const documented = [...page.matchAll(/^\| `(ERR_\w+)`/gm)].map((match) => match[1])
  expect(new Set(documented)).toEqual(new Set(errorCodes))
  expect(documented).toHaveLength(errorCodes.length)
})
