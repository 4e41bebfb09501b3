import { testSecurity } from '@peerloom/conformance'
import { noise } from '@peerloom/noise'

testSecurity('Noise', { create: noise() })
