import { PeerloomError } from '@peerloom/interface'
import { statusName } from './constants.ts'

/** A relay said no. `status` is its answer, by the numbers of the specification. */
export class RelayError extends PeerloomError {
  readonly status: number

  constructor(what: string, status: number) {
    super('ERR_RELAY', `${what}: ${statusName(status)} (${status})`, { remote: true })
    this.name = 'RelayError'
    this.status = status
  }
}
