import { testMuxer } from '@peerloom/conformance'
import type { NodeContext } from '@peerloom/interface'
import { yamux } from '@peerloom/yamux'

testMuxer('yamux', { create: () => yamux()({} as NodeContext) })
