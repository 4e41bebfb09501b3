import { testSecurity } from '@peerloom/conformance/security'
import { noise } from '@peerloom/noise'

testSecurity('Noise', { create: noise() })
