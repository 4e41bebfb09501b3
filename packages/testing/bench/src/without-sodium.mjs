// Loaded before everything else (--import): `sodium-native` is not there, as in a plain install. In a checkout it is.
import { registerHooks } from 'node:module'

registerHooks({
  resolve(name, context, next) {
    if (name === 'sodium-native') throw new Error('left out of this run')
    return next(name, context)
  }
})
