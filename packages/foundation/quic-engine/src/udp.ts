/** One end of a UDP path. */
export interface UdpAddress {
  /** As the system writes it: no brackets. */
  readonly host: string
  readonly port: number
}

/** A UDP socket, or the part of a shared one that is QUIC's: for engines that bring none. */
export interface DatagramPort {
  readonly local: UdpAddress
  /** Set by the one who reads. The bytes belong to the reader. */
  onDatagram: ((bytes: Uint8Array, from: UdpAddress) => void) | undefined
  /** The bytes belong to the port until they have left. What cannot be sent is lost, as on the way. */
  send(bytes: Uint8Array, to: UdpAddress): void
  /** True while the system takes no more: what is sent all the same waits in memory. */
  readonly isFull: boolean
  close(): Promise<void>
}
