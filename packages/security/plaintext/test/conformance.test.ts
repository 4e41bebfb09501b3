import { testSecurity } from '@peerloom/conformance'
import { plaintext } from '@peerloom/plaintext'

testSecurity('plaintext', { create: plaintext(), encrypts: false, agreesOnMuxer: false })
