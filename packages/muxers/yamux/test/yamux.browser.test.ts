// The same contract, in a page.
import './conformance.test.ts'
