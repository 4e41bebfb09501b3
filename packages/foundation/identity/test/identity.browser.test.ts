import { testEnvelopes } from './envelope-suite.ts'
import { testKeys } from './key-suite.ts'

testKeys()
testEnvelopes()
