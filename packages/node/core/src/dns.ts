import { ADDRCONFIG } from 'node:dns'
import { lookup, Resolver } from 'node:dns/promises'
import type { Dns } from './resolver.ts'

/** The system's resolver: hosts file and all for hosts, DNS for TXT. */
export const systemDns: Dns = {
  async lookup(name, family) {
    const answers = await lookup(name, { all: true, family, hints: ADDRCONFIG })
    return answers.map((answer) => answer.address)
  },
  async txt(name, { signal }) {
    const resolver = new Resolver({ timeout: 5000, tries: 2 })
    const cancel = (): void => resolver.cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      const records = await resolver.resolveTxt(name)
      return records.map((parts) => parts.join(''))
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }
}
