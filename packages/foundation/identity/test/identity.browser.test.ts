import { testEnvelopes } from './envelope-suite.ts'
import { testKeychains } from './keychain-suite.ts'
import { testKeys } from './key-suite.ts'

testKeys()
testEnvelopes()
testKeychains()
