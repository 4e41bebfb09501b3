import { PeerloomError } from '@peerloom/interface'
import type { Dns } from './resolver.ts'

const refuse = (name: string): Promise<string[]> =>
  Promise.reject(
    new PeerloomError('ERR_DNS', `a browser cannot look up ${name}: give createNode() a \`dns\` of your choice`)
  )

/** Browsers resolve hosts by themselves when they connect, and offer no DNS. */
export const systemDns: Dns = { lookup: refuse, txt: refuse }
