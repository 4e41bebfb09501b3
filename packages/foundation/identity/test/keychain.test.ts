import { testKeychains } from './keychain-suite.ts'

testKeychains()
