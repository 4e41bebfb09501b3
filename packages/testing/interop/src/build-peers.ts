// Builds the foreign peers into the cache, so that the tests find them there: `node src/build-peers.ts [go] [rust] [npm] [kubo]`.
import { buildForeignPeer, type BuildKind } from './peer-build.ts'

const kinds: readonly BuildKind[] = ['go', 'npm', 'rust', 'kubo']
const chosen = process.argv.slice(2)
const unknown = chosen.find((argument) => !kinds.some((kind) => kind === argument))
if (unknown !== undefined) throw new Error(`unknown peer ${unknown}, expected ${kinds.join(', ')}`)

for (const kind of kinds) {
  if (chosen.length > 0 && !chosen.includes(kind)) continue
  const start = performance.now()
  const binary = await buildForeignPeer(kind, { onLog: (text) => process.stderr.write(text) })
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  if (binary !== undefined) console.log(`${kind}: ${binary} (${seconds} s)`)
}
