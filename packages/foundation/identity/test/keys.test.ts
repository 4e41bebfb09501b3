import { testKeys } from './key-suite.ts'

testKeys()
