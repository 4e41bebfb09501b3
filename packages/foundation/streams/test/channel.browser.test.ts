// The channel base is portable: the same tests, in a browser.
import './channel.test.ts'
