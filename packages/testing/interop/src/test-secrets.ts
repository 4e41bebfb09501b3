import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { selfSigned } from './self-signed.ts'

export interface Certificate {
  /** PEM. */
  readonly certificate: string
  readonly key: string
  readonly certificateFile: string
  readonly keyFile: string
}

/** The key file of the private network that the rows run in. */
export const networkKey: string = `/key/swarm/psk/1.0.0/\n/base16/\n${'5e'.repeat(32)}\n`

let directory: string | undefined
let known: Certificate | undefined

export function networkKeyFile(key: string = networkKey): string {
  return write(`${createHash('sha256').update(key).digest('hex').slice(0, 16)}.key`, key)
}

/** The certificate of all wss listeners of a run. */
export function wssCertificate(): Certificate {
  if (known === undefined) {
    const { certificate, key } = selfSigned()
    known = { certificate, key, certificateFile: write('wss.pem', certificate), keyFile: write('wss.key', key) }
  }
  return known
}

/** Has the WebSocket of this process accept that certificate: it takes no options of its own. */
export function trustWssCertificate(): void {
  const { certificate } = wssCertificate()
  const trusted = getCACertificates('default')
  if (!trusted.includes(certificate)) setDefaultCACertificates([...trusted, certificate])
}

function write(name: string, content: string): string {
  if (directory === undefined) {
    const created = mkdtempSync(join(tmpdir(), 'peerloom-interop-'))
    directory = created
    process.once('exit', () => rmSync(created, { recursive: true, force: true }))
  }
  const path = join(directory, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}
