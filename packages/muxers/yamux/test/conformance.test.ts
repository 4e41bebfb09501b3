import { overChannels, testMuxer } from '@peerloom/conformance'
import { yamux } from '@peerloom/yamux'

testMuxer('yamux', overChannels(yamux()({} as never)))
