/** The libp2p Noise XX secure channel. */
export {}
