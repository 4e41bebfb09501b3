import { testSecurity } from '@peerloom/conformance/security'
import { noise } from '@peerloom/noise'

testSecurity('Noise in a browser', { create: noise() })
