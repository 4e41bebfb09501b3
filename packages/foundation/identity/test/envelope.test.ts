import { testEnvelopes } from './envelope-suite.ts'

testEnvelopes()
