/** The libp2p perf protocol. */
export {}
