import { afterAll, expect, test } from 'vitest'
import { checkExamples, extractExamples, removeExamples, runExample } from '../readme-examples.ts'

const examples = extractExamples()
afterAll(() => removeExamples())

test('every package that is published has an example in its README', () => {
  expect(examples.length).toBeGreaterThanOrEqual(15)
})

test('the examples of all READMEs type-check', { timeout: 120_000 }, async () => {
  await checkExamples()
})

// An example that registers tests of its own is no program.
const programs = examples.filter(({ readme }) => !readme.includes('conformance'))

test.each(programs)('the example of $readme runs, and ends by itself', { timeout: 60_000 }, async (example) => {
  expect(await runExample(example)).not.toContain('Error')
})
