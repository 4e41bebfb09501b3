import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkExamples, extractExamples, removeExamples, runExample } from '../readme-examples.ts'

const examples = extractExamples()
afterAll(() => removeExamples())

const published = globSync('packages/*/*/package.json').filter(
  (path) => (JSON.parse(readFileSync(path, 'utf8')) as { private?: boolean }).private !== true
)

test.each(published)('%s has a README with an example that runs', (manifest) => {
  const readme = join(dirname(manifest), 'README.md')
  expect(examples.filter((example) => example.readme === readme && example.runs)).not.toHaveLength(0)
})

test('the examples of all READMEs type-check', { timeout: 120_000 }, async () => {
  await checkExamples(examples)
})

test.each(examples.filter(({ runs }) => runs))(
  'the example of $readme runs, and ends by itself',
  { timeout: 60_000 },
  async (example) => {
    const { stderr } = await runExample(example)
    expect(stderr).toBe('')
  }
)
