// What it costs to have a first node, in a fresh process: node start-up.ts <driver>; one JSON line.
import { type DriverName, loadDriver } from './driver.ts'

const importing = performance.now()
const driver = await loadDriver(process.argv[2] as DriverName)
const imported = performance.now()
const node = await driver.create({ listen: true })
const started = performance.now()
console.log(
  JSON.stringify({
    importMs: imported - importing,
    firstNodeMs: started - imported,
    rssMiB: process.memoryUsage.rss() / 2 ** 20
  })
)
await node.stop()
process.exit(0)
