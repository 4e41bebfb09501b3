import { clockOnly, testTransport } from '@peerloom/conformance'
import { systemClock } from '@peerloom/interface'
import { tcp } from '@peerloom/tcp'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const directory = mkdtempSync(join(tmpdir(), 'peerloom-'))
let next = 0
const path = (): string => `/unix/${encodeURIComponent(join(directory, `${next++}.socket`).slice(1))}`
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const create = () => tcp()(clockOnly(systemClock))
const foreignAddresses = [
  '/ip4/127.0.0.1/udp/1/quic-v1',
  '/ip4/127.0.0.1/tcp/1/ws',
  '/dns4/localhost/tcp/1',
  '/memory/1'
]

for (const ip of ['ip4/127.0.0.1', 'ip6/::1']) {
  testTransport(`TCP over ${ip}`, {
    create,
    listenAddress: () => `/${ip}/tcp/0`,
    deadAddress: () => `/${ip}/tcp/1`,
    foreignAddresses
  })
}

testTransport('a unix socket', {
  create,
  listenAddress: path,
  deadAddress: path,
  foreignAddresses,
  diallerHasAddress: false,
  tellsResets: false
})
