import { overChannels, testMuxer } from '@peerloom/conformance/muxer'
import { mplex } from '@peerloom/mplex'

testMuxer('mplex', { ...overChannels(mplex({ holdTimeoutMs: 100 })({} as never)), flowControl: false })
