import { overChannels, testMuxer } from '@peerloom/conformance/muxer'
import { yamux } from '@peerloom/yamux'

testMuxer('yamux', overChannels(yamux()({} as never)))
