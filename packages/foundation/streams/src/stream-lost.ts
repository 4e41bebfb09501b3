import { PeerloomError } from '@peerloom/interface'

/** What becomes of the streams of a connection that is over. */
export const streamLost = (cause: Error | undefined): PeerloomError =>
  new PeerloomError(
    'ERR_CONNECTION_CLOSED',
    `the connection was closed${cause === undefined ? '' : `: ${cause.message}`}`,
    { cause }
  )
