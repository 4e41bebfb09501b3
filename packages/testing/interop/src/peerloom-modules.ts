import type { NodeOptions } from '@peerloom/core'
import { noise } from '@peerloom/noise'
import { tcp } from '@peerloom/tcp'
import { yamux } from '@peerloom/yamux'
import type { ForeignPeerOptions } from './foreign-peer.ts'
import type { StackName } from './stacks.ts'

type Modules = Omit<NodeOptions, 'addresses' | 'privateKey'>

/** Our packages for every column. A column without an entry is one whose package is not in the workspace. */
export const peerloomModules: Partial<Record<StackName, (options: ForeignPeerOptions) => Modules | Promise<Modules>>> =
  {
    tcp: () => ({ transports: [tcp()], connectionEncryption: [noise()], streamMuxers: [yamux()] })
  }
