import { testSecurity } from '@peerloom/conformance/security'
import { tls } from '@peerloom/tls'
import { socketLink } from './sockets.ts'

testSecurity('TLS over channels', { create: tls() })
testSecurity('TLS on sockets', { create: tls(), link: async () => (await socketLink()).channels })
