import { testSecurity } from '@peerloom/conformance/security'
import { plaintext } from '@peerloom/plaintext'

testSecurity('Plaintext', { create: plaintext(), encrypts: false, agreesOnMuxer: false })
