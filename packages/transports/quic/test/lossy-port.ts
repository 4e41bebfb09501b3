import type { DatagramPort, UdpAddress } from '@peerloom/quic-engine'

/** A UDP port that loses what it is told to lose. */
export class LossyPort implements DatagramPort {
  readonly #port: DatagramPort
  #loses: (index: number) => boolean = () => false
  #sent = 0

  constructor(port: DatagramPort) {
    this.#port = port
  }

  get local(): UdpAddress {
    return this.#port.local
  }

  get isFull(): boolean {
    return this.#port.isFull
  }

  set onDatagram(onDatagram: DatagramPort['onDatagram']) {
    this.#port.onDatagram = onDatagram
  }

  get onDatagram(): DatagramPort['onDatagram'] {
    return this.#port.onDatagram
  }

  /** Packets sent from now on are counted from 0. */
  lose(loses: (index: number) => boolean): void {
    this.#loses = loses
    this.#sent = 0
  }

  send(bytes: Uint8Array, to: UdpAddress): void {
    if (!this.#loses(this.#sent++)) this.#port.send(bytes, to)
  }

  close(): Promise<void> {
    return this.#port.close()
  }
}
